# ruff: noqa: ARG001, T201 -- a way takes what every way takes; its output is for a person
"""Ways through the proxy that HTTPS_PROXY names: to hosts, ports and addresses that no exception names."""

from __future__ import annotations

import base64
import os
import socket
from functools import partial
from urllib.parse import urlsplit

from way import Targets, main, way

TIMEOUT = 3.0


def dial() -> tuple[socket.socket, bytes]:
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    if not proxy:
        raise OSError("no proxy is named")
    parts = urlsplit(proxy)
    head = b""
    if parts.username is not None:
        pair = f"{parts.username}:{parts.password or ''}".encode()
        head = b"Proxy-Authorization: Basic " + base64.b64encode(pair) + b"\r\n"
    return socket.create_connection((parts.hostname, parts.port), TIMEOUT), head


def through(target: str, word: bytes, to: Targets) -> None:
    target = target.format(word=word.decode())
    one, head = dial()
    with one:
        one.settimeout(TIMEOUT)
        one.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n".encode() + head + b"\r\n")
        answer = one.recv(4096)
        print(answer.split(b"\r\n")[0].decode("latin-1"))
        one.sendall(word)
        one.shutdown(socket.SHUT_WR)
        one.recv(1)


for _name, _how, _target in (
    ("broker-name", "CONNECT to a host that is not named: the look-up would carry the word", "{word}.example.com:443"),
    ("broker-address", "CONNECT to an address", "203.0.113.7:443"),
    ("broker-address6", "CONNECT to an IPv6 address", "[2001:db8::7]:443"),
    ("broker-mapped", "CONNECT to an IPv4-mapped address", "[::ffff:203.0.113.7]:443"),
    ("broker-port", "CONNECT to the named host, another port", "allowed.example.com:80"),
    ("broker-pinned", "CONNECT to the address of the named host", "192.31.196.7:443"),
    ("broker-metadata", "a named host whose name leads to 169.254.169.254", "rebind.example.com:80"),
    ("broker-loopback", "a named host whose name leads to 127.0.0.1", "loop.example.com:4100"),
):
    way(_name, "HTTP CONNECT", _how)(partial(through, _target))


@way("broker-get", "HTTP", "GET http://203.0.113.7/ through the proxy")
def get(word: bytes, to: Targets) -> None:
    one, head = dial()
    with one:
        one.settimeout(TIMEOUT)
        path = f"http://{to['out4']}/{word.decode()}"
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: {to['out4']}\r\n".encode() + head + b"\r\n")
        one.recv(4096)


@way("broker-control", "HTTP CONNECT", "the named host itself: this one must arrive", network=False)
def control(word: bytes, to: Targets) -> None:
    through("allowed.example.com:443", word, to)


if __name__ == "__main__":
    main()
