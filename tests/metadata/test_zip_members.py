import gc
import io
import stat
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.job import CannotClean, Job, Limits
from privet.metadata.zip_members import Meter, Names, TooMuch, open_zip, safe_name, write_zip


@given(st.text(max_size=40))
def test_a_safe_name_stays_inside(name: str) -> None:
    safe = safe_name(name)
    if safe is not None:
        assert not safe.startswith("/")
        assert not {"", ".", ".."} & set(safe.split("/"))
        assert "\\" not in safe
        assert safe_name(safe) == safe


def test_names_are_given_away_once_and_fast() -> None:
    names = Names()
    found = [names.free("a.txt") for _ in range(20_000)]
    assert len(set(found)) == 20_000
    assert found[:2] == ["a.txt", "a-2.txt"]
    assert names.free("a-2.txt") == "a-2-2.txt"
    assert names.free(".hidden") == ".hidden"
    assert names.free(".hidden") == ".hidden-2"


def test_what_is_written_depends_on_contents_only() -> None:
    out = []
    for _ in range(2):
        target = io.BytesIO()
        writer = write_zip(target)
        writer.add("a", b"x" * 100, executable=True)
        writer.add("b", b"y", packed=False)
        writer.file.close()
        out.append(target.getvalue())
    assert out[0] == out[1]
    with zipfile.ZipFile(io.BytesIO(out[0])) as file:
        first, second = file.infolist()
        assert first.date_time == (1980, 1, 1, 0, 0, 0)
        assert stat.S_IMODE(first.external_attr >> 16) == 0o755
        assert stat.S_IMODE(second.external_attr >> 16) == 0o644
        assert (first.compress_type, second.compress_type) == (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)


def _archive(count: int) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(count):
            file.writestr(str(number), "")
    return out


def test_members_are_counted_before_they_are_listed() -> None:
    with pytest.raises(CannotClean, match="too many"):
        open_zip(_archive(11), Job(limits=Limits(max_members=10)))
    assert len(list(open_zip(_archive(10), Job(limits=Limits(max_members=10))).entries(Job()))) == 10


def test_the_meter_stops_bombs() -> None:
    meter = Meter(Job(limits=Limits(max_unpacked_bytes=2**40)), 1000)
    meter.add(2**27)
    with pytest.raises(TooMuch, match="times its size"):
        meter.add(1)


@pytest.mark.parametrize("pattern", ["0\n", "a,b\n", "é"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_the_meter_stops_text_of_a_few_characters_early(pattern: str, encoding: str) -> None:
    block = (pattern * 2**18).encode(encoding)
    meter = Meter(Job(), 50_000)
    for _ in range(2**24 // len(block)):
        meter.look(block)
    with pytest.raises(TooMuch, match="hardly anything"):
        meter.look(block)


@pytest.mark.parametrize("block", [bytes(2**20), b"\xff" * 2**20 + b"\0", b"INFO the service is up\n" * 2**15])
def test_lines_and_blank_pictures_are_no_bombs(block: bytes) -> None:
    meter = Meter(Job(), 50_000)
    for _ in range(64):
        meter.look(block)
    assert meter.runs == 0


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_an_archive_that_is_given_up_is_forgotten_without_a_word() -> None:
    target = io.BytesIO()
    writer = write_zip(target)
    writer.add("a", b"x")
    target.close()
    del writer
    gc.collect()
