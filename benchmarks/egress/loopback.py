"""Time loopback inside a lock against none: one TCP stream, and many small exchanges on one connection and on a new one each.

A worker is one process with a forked peer, started once under each lock; short rounds are asked of all workers in turn, and the best
round of each counts: what else the machine does only ever slows one down. A second worker without a lock shows what is noise. What crosses
a lock's border is not timed here.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import locks

STREAM_BYTES = 64 << 20
EXCHANGES = 1_000
CONNECTIONS = 200
_BLOCK = 1 << 16


def serve(server: socket.socket) -> None:
    """Answer every connection: a stream is swallowed, an exchange is sent back."""
    while True:
        link, _ = server.accept()
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kind = link.recv(1)
        if kind == b"s":
            left, room = STREAM_BYTES, bytearray(_BLOCK)
            while left:
                left -= link.recv_into(room, min(left, _BLOCK))
            link.sendall(b".")
        else:
            while content := link.recv(64):
                link.sendall(content)
        link.close()


def dial(port: int, kind: bytes) -> socket.socket:
    """Connect and say what follows."""
    one = socket.create_connection(("127.0.0.1", port))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.sendall(kind)
    return one


def stream(port: int) -> float:
    """Return bytes a second of one stream."""
    block, begun = bytes(_BLOCK), time.perf_counter()
    with dial(port, b"s") as one:
        for _ in range(STREAM_BYTES // _BLOCK):
            one.sendall(block)
        one.recv(1)
    return STREAM_BYTES / (time.perf_counter() - begun)


def exchanges(port: int) -> float:
    """Return exchanges of 64 bytes a second on one connection."""
    begun = time.perf_counter()
    with dial(port, b"e") as one:
        for _ in range(EXCHANGES):
            one.sendall(bytes(64))
            one.recv(64)
    return EXCHANGES / (time.perf_counter() - begun)


def connections(port: int) -> float:
    """Return exchanges a second where each has a connection of its own."""
    begun = time.perf_counter()
    for _ in range(CONNECTIONS):
        with dial(port, b"e") as one:
            one.sendall(bytes(64))
            one.recv(64)
    return CONNECTIONS / (time.perf_counter() - begun)


def work() -> None:
    """Run rounds as asked on standard input."""
    server = socket.create_server(("127.0.0.1", 0), backlog=256)
    peer = os.fork()
    if peer == 0:
        serve(server)
    port = server.getsockname()[1]
    print("{}", flush=True)
    for _line in sys.stdin:
        row = {"stream": stream(port), "exchanges": exchanges(port), "connections": connections(port)}
        print(json.dumps(row), flush=True)
    os.kill(peer, 9)


def ask(worker: subprocess.Popen[str]) -> dict[str, float]:
    """Ask for one round."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()
    row: dict[str, float] = json.loads(worker.stdout.readline())
    return row


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="loopback inside a lock")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work()
        return
    found = locks.at_hand(["none", "privet run", "bwrap --unshare-net"]) | {"none, again": []}
    command = [sys.executable, str(Path(__file__).resolve()), "--work"]
    workers = {
        name: subprocess.Popen([*prefix, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name, prefix in found.items()
    }
    for worker in workers.values():
        assert worker.stdout is not None
        worker.stdout.readline()
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in found}
    for number in range(options.rounds):
        order = list(workers) if number % 2 else list(reversed(workers))
        for name in order:
            rows[name].append(ask(workers[name]))
    for worker in workers.values():
        worker.communicate()
    report(rows)


def report(rows: dict[str, list[dict[str, float]]]) -> None:
    """Print each lock's best round, and its ratio to the best without a lock."""
    print("| lock | stream MB/s | ratio | exchanges/s | ratio | connections/s | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name, mine in rows.items():
        cells = []
        for kind, scale in (("stream", 1e6), ("exchanges", 1.0), ("connections", 1.0)):
            best, base = (max(row[kind] for row in found) for found in (mine, rows["none"]))
            cells.append(f"{best / scale:,.0f} | {best / base:.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
