"""Files inside texts: cleaned like files, or gone."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.embedded import base64_text, data_url, decoded, extension, in_text, is_data_url
from privet.metadata.job import Job, Member, SetAside

PNG = b"\x89PNG\r\n" + b"secret " * 20
SEEN: list[tuple[str, bytes]] = []


def clean(name: str, content: bytes) -> Member | None:
    SEEN.append((name, content))
    return None if b"drop" in content else Member(name, content.replace(b"secret", b"x"))


@pytest.mark.parametrize(
    ("url", "new", "name"),
    [
        ("data:image/png;base64,AAAA", "data:image/png;base64,AAAA", "embedded.png"),
        ("data:IMAGE/JPEG;BASE64,AAAA", "data:IMAGE/JPEG;BASE64,AAAA", "embedded.jpg"),
        (" data:text/plain,a%20secret", "data:text/plain;base64,YSB4", "embedded.txt"),
        ("data:text/html;charset=utf-8,secret", "data:text/html;charset=utf-8;base64,eA==", "embedded.html"),
        ("data:,secret", "data:text/plain;base64,eA==", "embedded.txt"),
        ("data:image/png;name=secret.png;base64,AAAA", "data:image/png;base64,AAAA", "embedded.png"),
        ("data:x/y;base64,AAAA", "data:x/y;base64,AAAA", "embedded.bin"),
        ("data:image/png;base64,A A%41_", "data:image/png;base64,A A%41_", "embedded.png"),
        ("data:image/png;base64,*", "data:,", ""),
        ("data:image/png;base64,A", "data:,", ""),
        ("data:nothing", "data:,", ""),
        ("data:text/plain,", "data:,", ""),
        ("data:text/plain,drop", "data:,", "embedded.txt"),
    ],
)
def test_data_addresses(url: str, new: str, name: str) -> None:
    SEEN.clear()
    assert data_url(url, Job(nested=clean)) == new
    assert [seen for seen, _ in SEEN] == [name] * bool(name)
    assert is_data_url(url)


def test_what_goes_is_told() -> None:
    how = Job()
    assert data_url("data:image/png;base64,AAAA", how) == "data:,"
    assert how.set_aside == [SetAside("embedded.png", "it cannot be cleaned")]


def test_addresses_in_a_text() -> None:
    text = f"a (data:image/png;base64,{base64.b64encode(PNG).decode()}) b data:image/png;base64, c"
    clean_text = in_text(text, Job(nested=clean))
    assert (
        clean_text
        == f"a (data:image/png;base64,{base64.b64encode(PNG.replace(b'secret', b'x')).decode()}) b data:image/png;base64, c"
    )
    assert in_text(clean_text, Job(nested=clean)) == clean_text


def test_pictures_in_base64() -> None:
    text = base64.encodebytes(PNG).decode()
    new = base64_text(text, Job(nested=clean))
    assert new is not None
    assert decoded(new.encode()) == PNG.replace(b"secret", b"x")
    assert base64_text(new, Job(nested=clean)) == new
    assert base64_text(text, Job()) == ""
    assert base64_text("word " * 40, Job(nested=clean)) is None
    assert base64_text("A" * 400, Job(nested=clean)) is None
    assert base64_text("short", Job(nested=clean)) is None


@given(st.binary(max_size=100))
def test_base64_in_either_alphabet(raw: bytes) -> None:
    assert decoded(base64.b64encode(raw)) == raw
    assert decoded(base64.urlsafe_b64encode(raw)) == raw
    assert decoded(b"\n".join(base64.b64encode(raw)[at : at + 7] for at in range(0, 140, 7)).rstrip(b"=")) == raw


def test_extensions() -> None:
    assert (extension("IMAGE/PNG"), extension("x/y")) == ("png", "bin")
