import bz2
import gzip
import io
import lzma
import tracemalloc
import zlib
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from privet.ingest.packed import Packer, Unpacked, stored_name, unpacked
from privet.metadata.job import CannotClean, Job, Limits

KINDS = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
OPEN = {"gzip": gzip.decompress, "zstd": zstandard.decompress, "bzip2": bz2.decompress, "xz": lzma.decompress}
CANARY = b"jane.canary@example.com"


def _all(raw: bytes, kind: str, job: Job | None = None) -> bytes:
    return b"".join(unpacked(io.BytesIO(raw), kind, job or Job()))


def _packed(content: bytes, kind: str) -> bytes:
    target = io.BytesIO()
    packer = Packer(target, kind)
    for at in range(0, len(content), 1000):
        packer.write(content[at : at + 1000])
    packer.close()
    return target.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"a", bytes(3_000_000), bytes(range(256)) * 1500])
def test_content_stays(kind: str, content: bytes) -> None:
    assert _all(KINDS[kind](content), kind) == content
    assert _all(_packed(content, kind), kind) == content
    if kind != "zstd":
        assert OPEN[kind](_packed(content, kind)) == content
    assert zstandard.ZstdDecompressor().decompressobj().decompress(_packed(content, "zstd")) == content


@pytest.mark.parametrize("kind", KINDS)
def test_frames_behind_each_other_are_one(kind: str) -> None:
    assert _all(KINDS[kind](b"a") + KINDS[kind](b"") + KINDS[kind](b"b" * 10_000), kind) == b"a" + b"b" * 10_000


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_padding_is_left_out(kind: str) -> None:
    assert _all(KINDS[kind](b"a") + bytes(512) + KINDS[kind](b"b") + bytes(8), kind) == b"ab"


@pytest.mark.parametrize("kind", KINDS)
def test_other_bytes_behind_are_left_out(kind: str) -> None:
    job = Job()
    assert _all(KINDS[kind](b"a") + CANARY, kind, job) == b"a"
    assert job.removed == {"trailing bytes": 1}


def test_frames_that_readers_skip_are_left_out() -> None:
    job = Job()
    skipped = b"\x51\x2a\x4d\x18" + len(CANARY).to_bytes(4, "little") + CANARY
    long = b"\x51\x2a\x4d\x18" + (600_000).to_bytes(4, "little") + bytes(600_000)
    assert _all(skipped + zstandard.compress(b"a") + long + zstandard.compress(b"b"), "zstd", job) == b"ab"
    assert job.removed["hidden bytes"] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_end_is_an_error(kind: str) -> None:
    raw = KINDS[kind](bytes(range(256)) * 100)
    for end in (0, 1, len(raw) // 2, len(raw) - 1):
        with pytest.raises(CannotClean):
            _all(raw[:end], kind)


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_a_wrong_checksum_is_an_error(kind: str) -> None:
    raw = bytearray(KINDS[kind](b"content"))
    raw[{"gzip": -6, "bzip2": 12, "xz": -30}[kind]] ^= 1
    with pytest.raises(CannotClean):
        _all(bytes(raw), kind)


def test_raw_deflate_is_no_gzip() -> None:
    with pytest.raises(CannotClean):
        _all(zlib.compress(b"a"), "gzip")


@pytest.mark.parametrize("kind", KINDS)
def test_bombs_stop_in_little_memory(kind: str) -> None:
    bomb = KINDS[kind](bytes(100_000_000))
    tracemalloc.start()
    with pytest.raises(CannotClean):
        for _ in unpacked(io.BytesIO(bomb), kind, Job(limits=Limits(max_unpacked_bytes=50_000_000))):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_the_content_is_written(kind: str) -> None:
    assert _packed(b"a" * 5000, kind) == _packed(b"a" * 5000, kind)
    if kind == "gzip":
        assert _packed(b"a", kind)[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def test_a_packed_file_reads_as_a_file() -> None:
    content = b"".join(b"line %d\n" % n for n in range(50_000))
    reader = io.BufferedReader(Unpacked(io.BytesIO(gzip.compress(content)), "gzip", Job()))
    assert b"".join(reader) == content


def test_the_stored_name_of_gzip() -> None:
    out = io.BytesIO()
    with gzip.GzipFile("rows.csv", "wb", fileobj=out) as file:
        file.write(b"a")
    assert stored_name(out) == "rows.csv"
    assert not stored_name(io.BytesIO(gzip.compress(b"a")))
    assert not stored_name(io.BytesIO(b""))
    extra = b"\x1f\x8b\x08\x0c\0\0\0\0\0\xff\x02\0xxname\0"
    assert stored_name(io.BytesIO(extra)) == "name"


@given(st.binary(max_size=100), st.sampled_from(list(KINDS)), st.integers(0, 1000))
def test_hostile_bytes_are_unpacked_or_refused(noise: bytes, kind: str, place: int) -> None:
    raw = bytearray(KINDS[kind](b"some content" * 9))
    raw[place % len(raw)] ^= 255
    for content in (
        noise,
        bytes(raw),
        KINDS[kind](b"a") + noise,
        bytes(raw[: place % len(raw)]),
        bytes(raw[:6]) + noise,
    ):
        with suppress(CannotClean):
            _all(content, kind)
