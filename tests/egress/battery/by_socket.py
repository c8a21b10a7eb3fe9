# ruff: noqa: ARG001 -- a way takes what every way takes
"""Ways by Python's `socket` and the libraries on it: TCP, UDP, names, addresses of every kind."""

from __future__ import annotations

import asyncio
import ctypes
import http.client
import os
import socket
import ssl
import struct
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial

from way import Targets, main, way

TIMEOUT = 2.0
SECONDS = struct.pack("@ll", 2, 0)  # a blocking socket's own deadline: fast open with a non-blocking one does not wait


def tcp(address: str, port: int, word: bytes) -> None:
    with socket.create_connection((address, port), TIMEOUT) as one:
        one.sendall(word)


def udp(address: str, port: int, word: bytes) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.sendto(word, (address, port))


def to_tcp(key: str, port: int, word: bytes, to: Targets) -> None:
    tcp(to[key], port, word)


def to_udp(key: str, port: int, word: bytes, to: Targets) -> None:
    udp(to[key], port, word)


def plain(send: Callable[[str, int, bytes, Targets], None], rows: list[tuple[str, str, str, str, int]]) -> None:
    for name, protocol, how, key, port in rows:
        way(name, protocol, how)(partial(send, key, port))


plain(
    to_tcp,
    [
        ("tcp", "TCP", "connect, send", "out4", 443),
        ("tcp6", "TCP/IPv6", "connect, send", "out6", 443),
        ("tcp-metadata", "TCP", "the cloud metadata address 169.254.169.254", "meta", 80),
        ("tcp-host", "TCP", "a service on the machine's own address", "host4", 4100),
        ("tcp-host6", "TCP/IPv6", "a service on the machine's own address", "host6", 4100),
        ("tcp-loopback", "TCP", "a service on the machine's 127.0.0.1", "loop4", 4100),
        ("tcp-loopback6", "TCP/IPv6", "a service on the machine's ::1", "loop6", 4100),
        ("tcp-zero", "TCP", "0.0.0.0, which means loopback", "zero4", 4100),
        ("tcp-mapped", "TCP/IPv6", "IPv4-mapped ::ffff:203.0.113.7", "mapped", 443),
        ("tcp-late", "TCP", "127.0.0.1, a service begun after the start", "loop4", 4101),
    ],
)
plain(
    to_udp,
    [
        ("udp", "UDP", "sendto", "out4", 4100),
        ("udp6", "UDP/IPv6", "sendto", "out6", 4100),
        ("udp-metadata", "UDP", "the cloud metadata address 169.254.169.254", "meta", 4100),
        ("udp-host", "UDP", "a service on the machine's own address", "host4", 4100),
        ("udp-loopback", "UDP", "a service on the machine's 127.0.0.1", "loop4", 4100),
        ("udp-loopback6", "UDP/IPv6", "a service on the machine's ::1", "loop6", 4100),
        ("udp-late", "UDP", "127.0.0.1, a service begun after the start", "loop4", 4101),
        ("udp-multicast", "UDP", "multicast 224.0.0.251 (mDNS)", "mdns", 5353),
    ],
)


@way("udp-connect", "UDP", "connect, then send")
def udp_connect(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect((to["out4"], 4100))
        one.send(word)


@way("udp-quic", "QUIC-like UDP", "a long-header packet to port 443")
def udp_quic(word: bytes, to: Targets) -> None:
    header = b"\xc3\0\0\0\1\x08" + os.urandom(8) + b"\0\0"
    udp(to["out4"], 443, header + word.ljust(1200, b"\0"))


@way("udp-broadcast", "UDP", "broadcast 255.255.255.255")
def udp_broadcast(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        one.sendto(word, ("255.255.255.255", 4100))


@way("udp-link-local6", "UDP/IPv6", "all nodes of the link, ff02::1")
def udp_link_local(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        for index, _name in socket.if_nameindex():
            if _name != "lo":
                one.sendto(word, ("ff02::1", 4100, 0, index))


@way("udp-lite", "UDP-Lite", "sendto")
def udp_lite(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136) as one:
        one.sendto(word, (to["out4"], 4100))


@way("udp-sendmsg", "UDP", "sendmsg with control data")
def udp_sendmsg(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendmsg([word], [(socket.IPPROTO_IP, socket.IP_TTL, struct.pack("=i", 9))], 0, (to["out4"], 4100))


@way("udp-sendmmsg", "UDP", "sendmmsg")
def udp_sendmmsg(word: bytes, to: Targets) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    address = struct.pack("=H", socket.AF_INET) + struct.pack("!H", 4100) + socket.inet_aton(to["out4"]) + bytes(8)
    data, name = ctypes.create_string_buffer(word), ctypes.create_string_buffer(address, 16)
    vector = (ctypes.c_size_t * 2)(ctypes.addressof(data), len(word))
    message = struct.pack("@PIxxxxPNPNiixxxx", ctypes.addressof(name), 16, ctypes.addressof(vector), 1, 0, 0, 0, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        if libc.sendmmsg(one.fileno(), message, 1, 0) != 1:
            raise OSError(ctypes.get_errno(), "sendmmsg")


@way("tcp-fast-open", "TCP", "sendto with MSG_FASTOPEN, no connect")
def fast_open(word: bytes, to: Targets) -> None:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SECONDS)
        one.sendto(word, socket.MSG_FASTOPEN, (to["out4"], 443))


@way("tcp-fast-open-sendmsg", "TCP", "sendmsg with MSG_FASTOPEN")
def fast_open_sendmsg(word: bytes, to: Targets) -> None:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SECONDS)
        one.sendmsg([word], [], socket.MSG_FASTOPEN, (to["out4"], 443))


@way("tcp-fast-open-option", "TCP", "TCP_FASTOPEN_CONNECT, connect, send")
def fast_open_option(word: bytes, to: Targets) -> None:
    with socket.socket() as one:
        one.setsockopt(socket.IPPROTO_TCP, 30, 1)
        one.settimeout(TIMEOUT)
        one.connect((to["out4"], 443))
        one.sendall(word)


@way("tcp-syn-address", "TCP/IPv6", "no payload: the word is the address of a SYN")
def syn_address(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET6) as one:
        one.settimeout(0.2)
        try:
            one.connect((socket.inet_ntop(socket.AF_INET6, b"\x20\x01" + word), 443))
        except TimeoutError:
            return


@way("multicast-join", "MLD", "no payload: the word is the group that is joined")
def multicast_join(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        for index, name in socket.if_nameindex():
            if name != "lo":
                one.setsockopt(
                    socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, b"\xff\x15" + word + struct.pack("@I", index)
                )
                time.sleep(
                    0.05
                )  # the kernel sends the report of a group after a random moment, and takes a left one back


def to_stream(family: int, protocol: int, key: str, word: bytes, to: Targets) -> None:
    with socket.socket(family, socket.SOCK_STREAM, protocol) as one:
        one.settimeout(TIMEOUT)
        one.connect((to[key], 443))
        one.sendall(word)


for _name, _protocol, _family, _number, _key in (
    ("mptcp", "MPTCP", socket.AF_INET, 262, "out4"),
    ("mptcp6", "MPTCP/IPv6", socket.AF_INET6, 262, "out6"),
    ("sctp", "SCTP", socket.AF_INET, 132, "out4"),
):
    way(_name, _protocol, "connect, send")(partial(to_stream, _family, _number, _key))


@way("dccp", "DCCP", "connect, send")
def dccp(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, 6, 33) as one:
        one.connect((to["out4"], 443))
        one.sendall(word)


@way("dns-resolver", "DNS", "getaddrinfo of a name that holds the word")
def dns_resolver(word: bytes, to: Targets) -> None:
    try:
        socket.getaddrinfo(f"{word.decode()}.example.com", 443)
    except socket.gaierror:
        return


def dns_query(word: bytes) -> bytes:
    return b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + bytes([len(word)]) + word + b"\x07example\x03com\0\0\x10\0\1"


@way("dns-udp", "DNS", "a query of one's own to the resolver, UDP")
def dns_udp(word: bytes, to: Targets) -> None:
    udp(to["resolver"], 53, dns_query(word))


@way("dns-tcp", "DNS", "a query of one's own, TCP")
def dns_tcp(word: bytes, to: Targets) -> None:
    query = dns_query(word)
    tcp(to["out4"], 53, struct.pack(">H", len(query)) + query)


@way("dns-https", "DNS over HTTPS", "CONNECT as to a proxy, then a query")
def dns_https(word: bytes, to: Targets) -> None:
    tcp(to["out4"], 443, b"CONNECT " + word + b".example.com:443 HTTP/1.1\r\n\r\n" + dns_query(word))


@way("tls-name", "TLS", "ssl: the word is the server name of the greeting")
def tls_name(word: bytes, to: Targets) -> None:
    context = ssl.create_default_context()
    with socket.create_connection((to["out4"], 443), TIMEOUT) as one:
        one.settimeout(0.3)
        try:
            context.wrap_socket(one, server_hostname=f"{word.decode()}.example.com").close()
        except OSError:
            return


@way("urllib", "HTTP", "urllib.request")
def urllib_get(word: bytes, to: Targets) -> None:
    try:
        urllib.request.urlopen(f"http://{to['out4']}/{word.decode()}", timeout=0.5).close()
    except TimeoutError:
        return


@way("http-post", "HTTP", "http.client over IPv6")
def http_post(word: bytes, to: Targets) -> None:
    link = http.client.HTTPConnection(to["out6"], 80, timeout=TIMEOUT)
    link.request("POST", "/", body=word)


@way("asyncio-tcp", "TCP", "asyncio.open_connection")
def asyncio_tcp(word: bytes, to: Targets) -> None:
    async def talk() -> None:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(to["out4"], 443), TIMEOUT)
        writer.write(word)
        await writer.drain()
        writer.close()

    asyncio.run(talk())


@way("asyncio-udp", "UDP", "asyncio datagram endpoint")
def asyncio_udp(word: bytes, to: Targets) -> None:
    async def talk() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(to["out4"], 4100))
        transport.sendto(word)
        transport.close()

    asyncio.run(talk())


@way("thread", "TCP", "from a second thread")
def thread(word: bytes, to: Targets) -> None:
    worker = threading.Thread(target=tcp, args=(to["out4"], 443, word))
    worker.start()
    worker.join()


@way("child", "UDP", "from a forked child")
def child(word: bytes, to: Targets) -> None:
    pid = os.fork()
    if pid == 0:
        udp(to["out4"], 4100, word)
        os._exit(0)
    os.waitpid(pid, 0)


@way("grandchild", "TCP", "from a grandchild in a session of its own")
def grandchild(word: bytes, to: Targets) -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        inner = os.fork()
        if inner == 0:
            try:
                tcp(to["out4"], 443, word)
            finally:
                os._exit(0)
        os.waitpid(inner, 0)
        os._exit(0)
    os.waitpid(pid, 0)


@way("splice", "TCP", "splice from a pipe into the socket")
def splice(word: bytes, to: Targets) -> None:
    read, write = os.pipe()
    os.write(write, word)
    with socket.create_connection((to["out4"], 443), TIMEOUT) as one:
        os.splice(read, one.fileno(), len(word))


@way("sendfile", "TCP", "sendfile from memory")
def sendfile(word: bytes, to: Targets) -> None:
    memory = os.memfd_create("word")
    os.write(memory, word)
    with socket.create_connection((to["out4"], 443), TIMEOUT) as one:
        os.sendfile(one.fileno(), memory, 0, len(word))


@way("reconnect", "UDP", "connect to loopback, disconnect, connect outside")
def reconnect(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", 9))
        ctypes.CDLL(None).connect(one.fileno(), bytes(16), 16)
        one.connect((to["out4"], 4100))
        one.send(word)


@way("bind-device", "UDP", "bound to the link by SO_BINDTODEVICE")
def bind_device(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, to["link"].encode())
        one.sendto(word, (to["out4"], 4100))


@way("ping-socket", "ICMP", "a ping socket (no root)")
def ping_socket(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as one:
        one.sendto(b"\x08\0\0\0\0\1\0\1" + word, (to["out4"], 0))


@way("ping-socket6", "ICMPv6", "a ping socket (no root)")
def ping_socket6(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6) as one:
        one.sendto(b"\x80\0\0\0\0\1\0\1" + word, (to["out6"], 0, 0, 0))


@way("raw-icmp", "ICMP", "a raw socket")
def raw_icmp(word: bytes, to: Targets) -> None:
    body = b"\x08\0\0\0\0\1\0\1" + word
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total >> 16) + (total & 0xFFFF)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as one:
        one.sendto(body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body[4:], (to["out4"], 0))


@way("raw-ip", "IP protocol 253", "a raw socket with a header of one's own")
def raw_ip(word: bytes, to: Targets) -> None:
    header = b"\x45\0\0\0\0\0\0\0\x40\xfd\0\0" + socket.inet_aton(to["host4"]) + socket.inet_aton(to["out4"])
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as one:
        one.sendto(header + word, (to["out4"], 0))


@way("raw-sctp6", "SCTP/IPv6", "a raw socket")
def raw_sctp(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, 132) as one:
        one.sendto(bytes(12) + word, (to["out6"], 0))


@way("packet", "Ethernet", "AF_PACKET, raw frame")
def packet(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as one:
        one.bind((to["link"], 0))
        one.send(b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x88\xb5" + word.ljust(64, b"\0"))


@way("packet-dgram", "Ethernet", "AF_PACKET, SOCK_DGRAM")
def packet_dgram(word: bytes, to: Targets) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as one:
        one.sendto(word.ljust(64, b"\0"), (to["link"], 0x88B5, 0, 0, b"\xff" * 6))


if __name__ == "__main__":
    main()
