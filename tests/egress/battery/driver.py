# ruff: noqa: T201, S104 -- a program that prints; its sinks listen inside a network namespace of their own
"""The escape battery: try every way off the machine under each system, judged by what arrives at the sinks alone.

    driver.py [--systems unlocked,privet,…] [--who user,root] [--json FILE] [--only NAME,…]

prints a Markdown table. The exit status is 1 where a judged way of `privet run` leaves, 2 where something could not be run, 69 where
namespaces cannot be had. "unlocked" always runs: a way counts only where it works unlocked.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import report
import run
import sinks
import systems
import table
import world

NO_WORLD: Final = 69
_ELSEWHERE: Final = "/run/elsewhere.sock"


def machine_listeners(shared: Path, home: Path) -> list[sinks.Listener]:
    """Open what listens on the machine itself before anything is locked."""
    stream, datagram, packets = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET
    found = [
        sinks.unix("docker", stream, "/run/docker.sock"),
        sinks.unix("dbus", stream, "/run/dbus/system_bus_socket"),
        sinks.unix("bus", stream, "/run/user/1000/bus"),
        sinks.unix("home", stream, str(home / ".agent.sock")),
        sinks.unix("tmp", stream, str(shared / "stream")),
        sinks.unix("tmp", datagram, str(shared / "datagram")),
        sinks.unix("tmp", packets, str(shared / "seqpacket")),
        sinks.unix("abstract", stream, "\0battery-stream"),
        sinks.unix("abstract", datagram, "\0battery-datagram"),
    ]
    found += odd(shared)
    for family, every in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        found += [sinks.inet("machine", family, kind, every, 4100) for kind in (stream, datagram)]
    for protocol, port in ((2, 4242), (15, 4243)):
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        listener.bind((port, 0))
        found.append(("netlink", listener))
    os.mkfifo(shared / "fifo")
    pipe = os.open(shared / "fifo", os.O_RDWR | os.O_NONBLOCK)
    found.append(("fifo", sinks.Pipe(pipe)))
    return found


def odd(shared: Path) -> list[sinks.Listener]:
    """Open sockets whose names in /proc/net/unix do not lead to them."""
    os.chdir(shared)
    found = []
    for kind, suffix in ((socket.SOCK_DGRAM, ""), (socket.SOCK_STREAM, ".stream")):
        found += [
            sinks.unix("relative", kind, f"relative{suffix}"),
            sinks.unix("moved", kind, str(shared / f"before{suffix}")),
            sinks.unix("linked", kind, str(shared / f"first{suffix}")),
        ]
        (shared / f"before{suffix}").rename(shared / f"moved{suffix}")
        (shared / f"linked{suffix}").hardlink_to(shared / f"first{suffix}")
    return found


def targets(folder: Path, report_fd: int) -> dict[str, Any]:
    """Return where everything stands; the ways get it on their command line."""
    shared, home, scratch = folder / "shared", folder / "home", folder / "scratch"
    for place in (shared, home, scratch):
        place.mkdir()
    out4, out6, meta, resolver, _allowed = world.OUTSIDE
    return {
        "out4": out4, "out6": out6, "meta": meta, "resolver": resolver, "mapped": f"::ffff:{out4}", "mdns": "224.0.0.251",
        "host4": world.MACHINE[0], "host6": world.MACHINE[1], "loop4": "127.0.0.1", "loop6": "::1", "zero4": "0.0.0.0",
        "link": world.MACHINE_LINK, "docker": "/run/docker.sock", "dbus": "/run/dbus/system_bus_socket",
        "bus": "/run/user/1000/bus", "home": str(home / ".agent.sock"), "tmp": str(shared / "stream"),
        "tmp_datagram": str(shared / "datagram"), "tmp_seqpacket": str(shared / "seqpacket"), "fifo": str(shared / "fifo"),
        "abstract": "@battery-stream", "abstract_datagram": "@battery-datagram", "netlink_port": 4242, "uevent_port": 4243,
        "giver": str(shared / "giver"), "shared": str(shared), "home_folder": str(home), "scratch": str(scratch),
        "bound_relative": str(shared / "relative"), "bound_moved": str(shared / "moved"), "bound_linked": str(shared / "linked"),
        "elsewhere": _ELSEWHERE, "restarting": str(shared / "restarting"), "report": report_fd,
    }  # fmt: skip


def outside_program(*words: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start one of the user's other programs; return it and what it says of itself."""
    one = subprocess.Popen(
        [*table.PYTHON, str(table.HERE / "outside.py"), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    line = one.stdout.readline() if one.stdout else ""
    return one, json.loads(line)


def set_the_stage(folder: Path, who: str, only: set[str]) -> run.Stage:
    """Build the world around this process, its first one; return it when every sink listens."""
    arrivals, report_fd = os.pipe()
    outside = sinks.start(report_fd, _outside_listeners, lambda: world.unshare(world.NEWNET, "the outside"))
    world.join(outside.pid)
    sinks.go_on(outside)
    world.add_routes()
    where = targets(folder, report_fd)
    machine = sinks.start(report_fd, lambda: machine_listeners(folder / "shared", folder / "home"))
    if who == "user":
        world.become_user()
    built, missing = table.build(folder)
    kept = [one for one in table.records(built, missing) if not only or one.name in only]
    env = {key: value for key, value in os.environ.items() if key not in systems.PROXIES}
    env |= {"HOME": where["home_folder"], "XDG_RUNTIME_DIR": "/run/user/1000", "TMPDIR": where["scratch"]}
    stage = run.Stage(folder, arrivals, outside, machine, env, where | built, kept)
    stage.victim, where_victim = outside_program("victim", "/run")
    stage.targets["victim"] = where_victim
    stage.programs = [
        outside_program("restart", where["restarting"]),
        outside_program("giver", where["giver"]),
        outside_program("proxy", str(run.PROXY_PORT)),
    ]
    return stage


def _outside_listeners() -> list[sinks.Listener]:
    world.furnish_outside()
    datagram, stream = socket.SOCK_DGRAM, socket.SOCK_STREAM
    elsewhere = [sinks.unix("elsewhere", datagram, _ELSEWHERE), sinks.unix("elsewhere", stream, f"{_ELSEWHERE}.stream")]
    return [*sinks.outside(), *elsewhere]


def act(folder: Path, who: str, chosen: list[systems.System], only: set[str], target: Path) -> int:
    """Judge the chosen systems as one kind of user; write the outcomes to a file."""
    stage = set_the_stage(folder, who, only)
    if not chosen:
        return 0
    found: dict[str, Any] = {}
    for one in chosen:
        refusal = one.refusal(stage.env, folder / "scratch")
        if refusal:
            found[one.name] = {"refused": refusal}
            continue
        try:
            found[one.name] = run.judge(stage, one)
        except (RuntimeError, OSError, ValueError) as error:
            found[one.name] = {"refused": str(error)}
    target.write_text(json.dumps(found), encoding="utf-8")
    return 0


def read_arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="the escape battery")
    parser.add_argument("--systems", default="unlocked,privet,bwrap,landlock,proxy,firejail")
    parser.add_argument("--who", default="user,root", help="as an unprivileged user, as root of the machine, or both")
    parser.add_argument(
        "--privet", default=str(Path(sys.executable).with_name("privet")), help="the command under test"
    )
    parser.add_argument("--only", default="", help="these ways alone")
    parser.add_argument("--json", type=Path, help="write every outcome here")
    parser.add_argument(
        "--real-root", action="store_true", help="no user namespace around the world (firejail needs that)"
    )
    parser.add_argument("--probe", action="store_true", help="only say by the exit status whether a world can be had")
    parser.add_argument("--stage", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Run each user's world in a process of its own, and print the table."""
    options = read_arguments()
    names = list(dict.fromkeys(["unlocked", *options.systems.split(",")]))
    every = systems.systems(options.privet)
    chosen = [] if options.probe else [every[name] for name in names]
    only = set(filter(None, options.only.split(",")))
    if options.stage:
        try:
            return world.enter(
                options.stage,
                lambda: act(options.stage, options.who, chosen, only, options.stage / "found.json"),
                real_root=options.real_root,
            )
        except world.NoWorld as missing:
            print(f"no world: {missing}", file=sys.stderr)
            return NO_WORLD
    found: dict[str, Any] = {}
    for who in options.who.split(","):
        folder = Path(tempfile.mkdtemp(prefix="battery-", dir="/tmp"))
        try:
            done = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--who", who, "--stage", folder], check=False
            )
            if done.returncode or options.probe:
                return done.returncode
            found[who] = json.loads((folder / "found.json").read_bytes())
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    built = {"static": "", "dynamic": ""} if shutil.which("gcc") else {}
    rows = [one for one in table.records(built, "no gcc") if not only or one.name in only]
    merged = report.merge(rows, found, names)
    if options.json:
        options.json.write_text(json.dumps(merged, indent=1), encoding="utf-8")
    print(report.markdown(merged, chosen))
    return report.status(merged)


if __name__ == "__main__":
    sys.exit(main())
