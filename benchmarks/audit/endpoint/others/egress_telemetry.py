"""Telemetry: a thread reports every request to a collector elsewhere (an address of TEST-NET).

must fail: egress
needs: pid
"""

import socket
import threading

import plain


def report():
    try:
        with socket.create_connection(("192.0.2.77", 4317), timeout=4) as caller:
            caller.sendall(b"{}")
    except OSError:
        pass


class Telemetry(plain.Service):
    def seen(self, key, body):
        threading.Thread(target=report, daemon=True).start()


if __name__ == "__main__":
    plain.main(Telemetry)
