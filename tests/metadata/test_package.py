"""ZIP packages: read with bounds, written the same every time."""

from __future__ import annotations

import io
import warnings
import zipfile

import pytest

from privet.metadata.job import CannotClean, Job, Limits
from privet.metadata.package import opened, write


def packed(members: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings(action="ignore"):
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def test_written_packages_do_not_depend_on_when_or_where() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    members = [("mimetype", b"x" * 100), ("a.xml", b"y" * 100_000), ("é.png", b"z" * 100)]
    write(first, members, stored="mimetype")
    write(second, members, stored="mimetype")
    assert first.getvalue() == second.getvalue()
    with zipfile.ZipFile(first) as archive:
        infos = archive.infolist()
        assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
        assert {(info.create_system, info.external_attr, info.extra, info.comment) for info in infos} == {
            (0, 0o600 << 16, b"", b"")
        }
        assert [info.compress_type for info in infos] == [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]
        assert [archive.read(name) for name, _content in members] == [content for _name, content in members]
    assert first.getvalue().startswith(b"PK\3\4")
    assert first.getvalue()[30:38] == b"mimetype"


@pytest.mark.parametrize("name", ["../a", "a/../../b", "a//b", "C:/a", "a/./b", "a\n", "/../x"])
def test_names_that_lead_elsewhere_are_not_there(name: str) -> None:
    job = Job()
    package = opened(io.BytesIO(packed([(name, b"x"), ("kept", b"y")])), job)
    assert list(package.members) == ["kept"]
    assert job.removed["misleading member name"] == 1


def test_of_two_members_with_one_name_the_last_counts() -> None:
    job = Job()
    package = opened(io.BytesIO(packed([("a", b"first"), ("a", b"second")])), job)
    assert package.read("a") == b"second"
    assert job.removed["duplicate member"] == 1


def test_names_are_found_however_they_are_spelled() -> None:
    package = opened(io.BytesIO(packed([("Word\\Document.xml", b"x")])), Job())
    assert package.spelled("word/document.XML") == "Word/Document.xml"


@pytest.mark.parametrize(
    "limits",
    [Limits(max_unpacked_bytes=1000), Limits(max_file_bytes=1000)],
)
def test_what_unpacks_to_more_than_the_limits_is_refused(limits: Limits) -> None:
    package = opened(io.BytesIO(packed([("a", bytes(100_000))])), Job(limits=limits))
    with pytest.raises(CannotClean):
        package.read("a")


def test_bombs_are_refused_while_they_unpack() -> None:
    package = opened(io.BytesIO(packed([("a", bytes(80 << 20))])), Job())
    with pytest.raises(CannotClean, match="more than 200 times"):
        package.read("a")


def test_too_many_members_are_refused() -> None:
    with pytest.raises(CannotClean, match="more members"):
        opened(io.BytesIO(packed([(str(number), b"") for number in range(9)])), Job(limits=Limits(max_members=8)))


def test_encrypted_and_oddly_packed_members_are_refused() -> None:
    content = bytearray(packed([("a", b"x")]))
    content[content.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(CannotClean, match="encrypted"):
        opened(io.BytesIO(bytes(content)), Job())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x")
    with pytest.raises(CannotClean, match="unusual"):
        opened(out, Job())


@pytest.mark.parametrize("content", [b"", b"PK", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", packed([("a", b"x")])[:-30]])
def test_what_is_no_package_is_refused(content: bytes) -> None:
    with pytest.raises(CannotClean):
        opened(io.BytesIO(content), Job())


def test_a_member_that_lies_about_its_checksum_is_refused() -> None:
    content = bytearray(packed([("a", b"hello hello hello")]))
    content[content.index(b"PK\1\2") + 16] ^= 1
    with pytest.raises(CannotClean, match="damaged"):
        opened(io.BytesIO(bytes(content)), Job()).read("a")


def test_what_no_honest_package_unpacks_to_is_refused() -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"the same words again " * 1_000_000)
        archive.writestr("b", b"the same words again " * 1_000_000)
    package = opened(raw, Job())
    assert len(package.read("a")) == 21_000_000
    with pytest.raises(CannotClean, match="more than 200 times its size"):
        package.read("b")
