"""Names are asked for at a resolver elsewhere (an address of TEST-NET) after every answer.

must fail: egress
needs: pid
"""

import asyncio
import socket

import wire

QUERY = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09telemetry\x07example\x00\x00\x01\x00\x01"


class Names(wire.Service):
    def after(self, key, messages):
        caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            caller.connect(("192.0.2.53", 53))
            caller.send(QUERY)
        except OSError:
            pass
        asyncio.get_running_loop().call_later(2, caller.close)


if __name__ == "__main__":
    wire.main(Names)
