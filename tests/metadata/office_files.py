"""What the tests of office documents share: members of packages, and a look for what is left in them."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterable


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def canaries(content: bytes, words: Iterable[str]) -> list[str]:
    """Return the members in which a planted word is left, however it is written; of books inside, their members."""
    found = []
    for name, body in members(content).items():
        for word in words:
            coded = [word.encode(), word.encode("utf-16-le"), word.encode("utf-16-be"), word.encode().hex().encode()]
            coded += (
                [base64.b64encode(b" " * shift + word.encode())[4:-4] for shift in range(3)] if len(word) > 8 else []
            )
            if any(code in body for code in coded) or word in name:
                found.append(f"{name}: {word}")
        if name.endswith(".xlsx") and zipfile.is_zipfile(io.BytesIO(body)):
            found += canaries(body, words)
    return found
