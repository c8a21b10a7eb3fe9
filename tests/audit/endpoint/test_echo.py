from __future__ import annotations

import base64
import codecs
import gzip
import html
import urllib.parse
from random import Random

import pytest

from privet.audit.endpoint.echo import any_held, canary, holds

SECRET = "ebony-saddle-18271"
RAW = SECRET.encode()
ROUND = f'The code is {SECRET}, says the "note".'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"it is {SECRET.upper()}!",
        "ebony saddle 18271",
        "e b o n y - s a d d l e - 1 8 2 7 1",
        "e-b-o-n-y s-a-d-d-l-e 1.8.2.7.1",
        "ebony\u200b-saddle\u200b-18271",
        "ébony-sáddle-18271",
        "ｅｂｏｎｙ-ｓａｄｄｌｅ-１８２７１",
        SECRET[::-1],
        "18271, then saddle, then ebony",
        "ebony and a saddle, with 18271 on it",
        "ebony saddle one eight two seven one",
        codecs.encode(SECRET, "rot13"),
        codecs.encode(SECRET, "rot13").upper(),
        "herqb-vdggoh-18271",  # three letters on, as Caesar wrote
        base64.b64encode(ROUND.encode()).decode(),
        base64.b64encode(b"x" + ROUND.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(b"xy" + ROUND.upper().encode()).decode(),
        base64.encodebytes((ROUND * 3).encode()).decode(),
        base64.b64encode(base64.b64encode(ROUND.encode())).decode(),
        base64.b64encode(ROUND.encode("utf-16-le")).decode(),
        base64.b64encode(gzip.compress(ROUND.encode(), mtime=0)).decode(),
        base64.b32encode(RAW).decode(),
        f"see {base64.b32encode(ROUND.encode()).decode().rstrip('=')}.",
        RAW.hex(),
        RAW.hex(" ").upper(),
        ROUND.encode().hex(),
        "".join(f"\\x{byte:02x}" for byte in RAW),
        "".join(f"\\u{byte:04x}" for byte in RAW),
        "".join(f"&#{byte};" for byte in RAW),
        "".join(f"&#x{byte:x};" for byte in RAW),
        "".join(f"%{byte:02X}" for byte in RAW),
        urllib.parse.quote(urllib.parse.quote(f"<{SECRET}>")),
        html.escape(ROUND),
        " ".join(map(str, RAW)),
        ", ".join(map(str, RAW)),
        " ".join(f"{byte:08b}" for byte in RAW),
        "=".join(["", *(f"{byte:02X}" for byte in RAW)]),
        str(ROUND.encode()),
    ],
)
def test_hidden_canary_is_found(text: str) -> None:
    assert holds(text, SECRET)
    assert holds(f"Well: {text} and so on", SECRET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ebony saddle",
        "ebony 18271",
        "18271",
        "ebony-saddle-18272",
        f"ebony {'x ' * 200} saddle {'x ' * 200} 18271",
        base64.b64encode(b"some other text that is long enough").decode(),
        "a" * 5000 + "=" * 3 + "%%%&&&\\\\\\u12",
        "0123456789" * 300,
    ],
)
def test_what_is_not_there_is_not_found(text: str) -> None:
    assert not holds(text, SECRET)


def test_no_canary_is_found_for_another() -> None:
    chance = Random(3)
    made = [canary(chance) for _ in range(60)]
    text = "\n".join(base64.b64encode(each.encode()).decode() for each in made[:30])
    assert any_held(text, made) == made[:30]


def test_secrets_without_a_letter_or_digit_are_in_no_text() -> None:
    assert any_held("a - b", ["--", "", "b"]) == ["b"]
