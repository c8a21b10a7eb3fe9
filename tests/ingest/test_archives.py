import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from contextlib import suppress
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from privet.ingest.archives import clean_bzip2, clean_gzip, clean_tar, clean_xz, clean_zip, clean_zstd, refuse
from privet.metadata.job import CannotClean, Job, Limits, Member, SetAside
from privet.metadata.zip_members import UNSAFE, safe_name

CANARY = "jane.canary@example.com"


def _nested(name: str, content: bytes) -> Member | None:
    """Cleans texts, refuses what says so."""
    if content == b"refuse":
        return None
    return Member(name.replace(CANARY, "X"), content.replace(CANARY.encode(), b"X"))


def _job(**limits: int) -> Job:
    return Job(nested=_nested, limits=Limits(**limits))


def _run(clean: Any, raw: bytes, job: Job | None = None) -> bytes:
    target = io.BytesIO()
    clean(io.BytesIO(raw), target, job or _job())
    return target.getvalue()


def _zip(*members: Any, compression: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, content, *more in members:
            info = zipfile.ZipInfo(name, (2024, 5, 6, 7, 8, 10))
            info.compress_type = compression
            info.external_attr = (more[0] if more else stat.S_IFREG | 0o600) << 16
            info.comment = comment
            info.extra = b"UT\x05\0\x03\1\2\3\4" if comment else b""
            file.writestr(info, content)
        file.comment = comment
    return out.getvalue()


def _members(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        assert file.testzip() is None
        return {info.filename: file.read(info) for info in file.infolist()}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_keeps_contents_and_nothing_else(compression: int) -> None:
    raw = _zip(
        ("b/two.txt", f"ask {CANARY}"),
        ("a/", "", stat.S_IFDIR | 0o755),
        (f"{CANARY}.txt", "plain", stat.S_IFREG | 0o755),
        ("bad", "refuse"),
        compression=compression,
        comment=CANARY.encode(),
    )
    job = _job()
    out = _run(clean_zip, raw + CANARY.encode() if compression else raw, job)
    assert CANARY.encode() not in out
    assert list(_members(out).items()) == [("b/two.txt", b"ask X"), ("X.txt", b"plain")]
    assert job.removed == {"member set aside": 1}
    with zipfile.ZipFile(io.BytesIO(out)) as file:
        assert [stat.S_IMODE(info.external_attr >> 16) for info in file.infolist()] == [0o644, 0o755]
        assert {(info.date_time, info.extra, info.comment) for info in file.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), b"", b"")
        }
        assert not file.comment
    assert _run(clean_zip, out) == out


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "C:\\a", "..\\a", "a\x01b", "a/..", "//host/a"])
def test_names_that_leave_the_archive_are_dropped(name: str) -> None:
    job = _job()
    assert list(_members(_run(clean_zip, _zip((name, "x"), ("ok", "y")), job))) == ["ok"]
    (aside,) = job.set_aside
    assert aside.reason == UNSAFE
    assert safe_name(aside.name) == aside.name
    job = _job()
    assert _tar_members(_run(clean_tar, _tar(("ok", b"y"), (name, b"x")), job)) == {"ok": b"y"}
    assert [reason for _, reason in job.set_aside] == [UNSAFE]


def test_a_member_without_a_name_is_dropped() -> None:
    job = _job()
    assert list(_members(_run(clean_zip, _zip(("a", "x"), ("ok", "y")).replace(b"a", b"\0"), job))) == ["ok"]
    assert [reason for _, reason in job.set_aside] == [UNSAFE]


def test_a_name_that_cleaning_made_unsafe_is_dropped() -> None:
    job = Job(nested=lambda name, content: Member("../a" if name == "a" else name, content))
    assert list(_members(_run(clean_zip, _zip(("a", "x"), ("b", "x")), job))) == ["b"]
    assert [reason for _, reason in job.set_aside] == [UNSAFE]


def test_links_are_dropped_and_the_last_of_a_name_stays() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        raw = _zip(("a", "1"), ("link", "/etc/passwd", stat.S_IFLNK | 0o777), ("b", "2"), ("./a", "3"), ("b", "4"))
    job = _job()
    assert list(_members(_run(clean_zip, raw, job)).items()) == [("a", b"3"), ("b", b"4")]
    assert job.removed == {"link": 1, "duplicate member": 2}


def test_names_that_become_one_get_a_number() -> None:
    out = _members(_run(clean_zip, _zip(("X.csv", "1"), (f"{CANARY}.csv", "2"), ("X-2.csv", "3"))))
    assert out == {"X.csv": b"1", "X-2.csv": b"2", "X-2-2.csv": b"3"}


def test_an_encrypted_member_makes_the_zip_unfit() -> None:
    raw = bytearray(_zip(("a", "x"), ("b", "y")))
    at = raw.index(b"PK\x01\x02")
    raw[6] |= 1
    raw[at + 8] |= 1
    with pytest.raises(CannotClean, match="encrypted"):
        _run(clean_zip, bytes(raw))


def test_bytes_before_and_between_members_go() -> None:
    raw = b"MZ" + CANARY.encode() + _zip(("a", "x"))
    assert _members(_run(clean_zip, raw)) == {"a": b"x"}
    assert CANARY.encode() not in _run(clean_zip, raw)


def test_limits_hold() -> None:
    big = _zip(("a", bytes(3_000_000)), ("b", "y"))
    job = _job(max_file_bytes=1_000_000)
    assert _members(_run(clean_zip, big, job)) == {"b": b"y"}
    assert job.removed == {"member set aside": 1}
    with pytest.raises(CannotClean, match="limit"):
        _run(clean_zip, big, _job(max_unpacked_bytes=2_000_000))
    with pytest.raises(CannotClean, match="times its size"):
        _run(clean_zip, _zip(("a", bytes(2**27 + 1))))
    with pytest.raises(CannotClean, match="too many"):
        _run(clean_zip, big, _job(max_members=1))
    with pytest.raises(CannotClean, match="too many"):
        _run(clean_tar, _tar(("a", b""), ("b", b"")), _job(max_members=1))
    job = _job(max_file_bytes=10)
    assert _tar_members(_run(clean_tar, _tar(("a", bytes(11)), ("b", b"y")), job)) == {"b": b"y"}
    with pytest.raises(CannotClean, match="limit"):
        _run(clean_gzip, gzip.compress(bytes(11)), job)


@pytest.mark.parametrize("pack", [lambda raw: _zip(("a.txt", raw)), gzip.compress, bz2.compress, zstandard.compress])
@pytest.mark.parametrize("around", [_zip, None])
def test_a_bomb_is_refused_before_anything_is_cleaned(pack: Any, around: Any) -> None:
    # Ten archives of a few kilobytes each hold 20 MB in all: none of them is too much by itself.
    bomb = pack(b"0,1\n" * 500_000)
    raw = _zip(*((str(number), bomb) for number in range(10)))
    raw = _zip(("all.zip", raw)) if around else raw
    asked: list[str] = []
    job = Job(nested=lambda name, _: asked.append(name))
    with pytest.raises(CannotClean, match="over and over"):
        _run(clean_zip, raw, job)
    assert not asked


def test_archives_in_archives_are_measured_together() -> None:
    inner = _zip(("a", bytes(20_000_000)))
    tar = _tar(*((f"{number}.zip", inner) for number in range(8)))
    with pytest.raises(CannotClean, match="times its size"):
        _run(clean_gzip, gzip.compress(tar))


def test_what_is_damaged_inside_is_not_judged_by_its_weight() -> None:
    raw = _zip(("a", _zip(("a", b"x" * 9000))[:-9]), ("b", gzip.compress(b"x" * 9000)[:-9]), ("c", b"y"))
    assert _members(_run(clean_zip, raw))["c"] == b"y"


@pytest.mark.parametrize(("clean", "pack"), [(clean_gzip, gzip.compress), (clean_zstd, zstandard.compress)])
def test_a_long_log_of_one_line_is_no_bomb(clean: Any, pack: Any) -> None:
    log = b"2024-01-01 12:00:00 INFO the service is up, all is well\n" * 1_800_000
    assert len(_run(clean, pack(log), Job(nested=lambda name, _: Member(name, b"clean")))) < 100
    assert _members(_run(clean_zip, _zip(("a.log", log)), Job(nested=lambda name, _: Member(name, b"clean")))) == {
        "a.log": b"clean"
    }


def test_a_wrong_checksum_in_a_zip_is_an_error() -> None:
    raw = _zip(("a", "content"), compression=zipfile.ZIP_STORED).replace(b"content", b"contenT")
    with pytest.raises(CannotClean, match="damaged"):
        _run(clean_zip, raw)


def _tar(*members: Any, form: str = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, pax_headers={"comment": CANARY}) as file:
        for name, content, *more in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.uid = info.gid = 1234
            info.uname = info.gname = CANARY
            info.mtime = 1_700_000_000.5
            info.mode = 0o6640
            for key, value in (more[0] if more else {}).items():
                setattr(info, key, value)
            file.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _tar_members(raw: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as file:
        return {info.name: file.extractfile(info).read() for info in file}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_keeps_contents_and_nothing_else(form: str) -> None:
    long = "d" * 90 + "/" + "n" * 80
    raw = _tar(
        ("b", f"ask {CANARY}".encode()),
        ("folder", b"", {"type": tarfile.DIRTYPE}),
        (long, b"long name"),
        (f"{CANARY}.sh", b"run", {"mode": 0o755}),
        ("soft", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("hard", b"", {"type": tarfile.LNKTYPE, "linkname": "b"}),
        ("pipe", b"", {"type": tarfile.FIFOTYPE}),
        ("bad", b"refuse"),
        ("b", b"last"),
        ("empty", b""),
        form=form,
    )
    job = _job()
    out = _run(clean_tar, raw, job)
    assert CANARY.encode() not in out
    assert list(_tar_members(out).items()) == [(long, b"long name"), ("X.sh", b"run"), ("b", b"last"), ("empty", b"")]
    assert job.removed["link"] == 2
    assert job.removed["device"] == 1
    assert job.removed["duplicate member"] == 1
    assert job.removed["member set aside"] == 1
    with tarfile.open(fileobj=io.BytesIO(out)) as file:
        for info in file:
            assert (info.uid, info.gid, info.uname, info.gname, info.mtime) == (0, 0, "", "", 0)
            assert info.mode == (0o755 if info.name == "X.sh" else 0o644)
            assert set(info.pax_headers) <= {"path"}
    assert len(out) % 10_240 == 0
    assert _run(clean_tar, out) == out


def test_tar_names_in_other_scripts_and_codes() -> None:
    long = "\u00e9" * 120
    assert _tar_members(_run(clean_tar, _tar((long, b"1"), ("\u4e2d", b"2")))) == {long: b"1", "\u4e2d": b"2"}
    old = tarfile.TarInfo("caf\u00e9").tobuf(tarfile.USTAR_FORMAT, "latin-1") + bytes(1024)
    assert _tar_members(_run(clean_tar, old)) == {"caf\u00e9": b""}


def test_tar_base_256_sizes_and_sparse_files() -> None:
    header = bytearray(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + (3).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    raw = bytes(header) + b"abc".ljust(512, b"\0") + bytes(1024)
    assert _tar_members(_run(clean_tar, raw)) == {"a": b"abc"}
    job = _job()
    sparse = _tar(
        ("s", b"abc", {"pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.realsize": "9000000000000"}}), ("b", b"y")
    )
    assert _tar_members(_run(clean_tar, sparse, job)) == {"b": b"y"}
    assert job.set_aside == [SetAside("s", "a sparse file: pack it without --sparse")]


def test_bytes_behind_a_tar_go() -> None:
    assert CANARY.encode() not in _run(clean_tar, _tar(("a", b"x")) + CANARY.encode() * 100)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x" * 512,
        _tar(("a", bytes(2000)))[:3000],
        _tar(("a", b""), form=tarfile.USTAR_FORMAT)[:700],
        tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT).replace(b"0000644", b"0000645"),
    ],
)
def test_broken_tars_are_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        _run(clean_tar, raw)


PACKED = [
    (clean_gzip, gzip.compress, gzip.decompress),
    (clean_bzip2, bz2.compress, bz2.decompress),
    (clean_xz, lzma.compress, lzma.decompress),
    (clean_zstd, zstandard.compress, lambda raw: zstandard.ZstdDecompressor().decompressobj().decompress(raw)),
]


@pytest.mark.parametrize(("clean", "compress", "decompress"), PACKED)
def test_packed_files_are_cleaned_inside(clean: Any, compress: Any, decompress: Any) -> None:
    out = _run(clean, compress(f"ask {CANARY}".encode()))
    assert decompress(out) == b"ask X"
    assert _run(clean, out) == out
    with pytest.raises(CannotClean):
        _run(clean, compress(b"refuse"))


def test_gzip_names_and_clocks_go_and_the_name_says_what_is_inside() -> None:
    raw = io.BytesIO()
    with gzip.GzipFile(f"{CANARY}.csv", "wb", fileobj=raw, mtime=1_700_000_000) as file:
        file.write(b"a")
    seen = []

    def nested(name: str, content: bytes) -> Any:
        seen.append(name)
        return Member(name, content)

    out = _run(clean_gzip, raw.getvalue(), Job(nested=nested))
    assert CANARY.encode() not in out
    assert out[3:10] == b"\0\0\0\0\0\0\xff"
    clean_gzip(io.BytesIO(out), io.BytesIO(), Job(nested=nested), "all.tgz")
    assert seen == [f"{CANARY}.csv", "all.tar"]


def test_other_archives_are_refused() -> None:
    with pytest.raises(CannotClean, match="unpack"):
        refuse(io.BytesIO(), io.BytesIO(), Job())


ZIP = _zip(("a/b", "content"), ("c", "d" * 300))
TAR = _tar(("a/b", b"content"), ("c" * 120, b"d"))


@given(st.integers(0, 10**5), st.binary(min_size=1, max_size=6))
def test_hostile_bytes_are_cleaned_or_refused(place: int, noise: bytes) -> None:
    for clean, whole in ((clean_zip, ZIP), (clean_tar, TAR)):
        raw = bytearray(whole)
        raw[place % len(raw) : place % len(raw) + len(noise)] = noise
        for content in (noise, bytes(raw), bytes(raw[: place % len(raw)])):
            with suppress(CannotClean):
                _run(clean, content)
