"""Files in memory, as the audit sees them."""

from __future__ import annotations

import random
import struct
import time
from functools import partial
from io import BytesIO

from privet.audit.forms import form_of
from privet.audit.tags import tags_of
from privet.audit.unpacking import Entry, Unread


def entry(content: bytes, name: str = "a") -> Entry:
    return Entry(name, form_of(content[:4096], name), partial(BytesIO, content))


def tags(content: bytes, name: str = "a") -> dict[str, bool]:
    return {tag.rule: tag.personal for tag in tags_of(entry(content, name))}


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def chunk(name: bytes, body: bytes, order: str = "<") -> bytes:
    return name + struct.pack(f"{order}I", len(body)) + body + b"\0" * (len(body) & 1)


def stands(content: bytes, name: str = "a") -> None:
    """Read a file with bits turned and its end missing: readers say that it is damaged, at worst, and are soon done."""
    chance = random.Random(len(content))
    for _ in range(40):
        broken = bytearray(content[: chance.randrange(len(content) // 2, len(content)) + 1])
        for _flip in range(chance.randrange(1, 9)):
            broken[chance.randrange(len(broken))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
        started = time.process_time()
        try:
            tags(bytes(broken), name)
        except Unread:
            continue
        assert time.process_time() - started < 2
