# ruff: noqa: S606 -- it becomes the program
"""Landlock alone: a launcher that sets the kernel's network and scope rules and nothing else, for comparison."""

from __future__ import annotations

import ctypes
import os
import struct
import sys

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
BIND_TCP, CONNECT_TCP, SCOPE_ABSTRACT, SCOPE_SIGNAL = 1, 2, 1, 2


def main() -> None:
    abi = _libc.syscall(444, None, 0, 1)
    if abi < 4:
        sys.exit("landlock: no network rules in this kernel")
    rules = struct.pack("=QQQ", 0, BIND_TCP | CONNECT_TCP, SCOPE_ABSTRACT | SCOPE_SIGNAL)[: 24 if abi >= 6 else 16]
    _libc.prctl(38, 1, 0, 0, 0)
    ruleset = _libc.syscall(444, rules, len(rules), 0)
    if ruleset < 0 or _libc.syscall(446, ruleset, 0) != 0:
        sys.exit(f"landlock: {os.strerror(ctypes.get_errno())}")
    os.close(ruleset)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
