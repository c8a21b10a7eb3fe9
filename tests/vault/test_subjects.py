from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from disks import Losing, Refusing, after_power_failure

from privet.errors import BadInput, Damaged, Unprotected
from privet.vault.layout import Scope
from privet.vault.subjects import PER_PAGE, SubjectKeys

SCOPE = Scope(bytes(16), bytes(16))
ROOTS = [bytes([number]) * 32 for number in range(3)]
NAME = "a.subjects"


def made(folder: Path) -> SubjectKeys:
    return SubjectKeys.make(folder / NAME, SCOPE, ROOTS[0])


def loaded(folder: Path, root: bytes = ROOTS[0], *, can_write: bool = True) -> SubjectKeys:
    return SubjectKeys.load(folder / NAME, SCOPE, [root], can_write=can_write)[0]


def keys_of(table: SubjectKeys) -> dict[int, bytes | None]:
    found = {}
    for number in range(10 * PER_PAGE):
        try:
            found[number] = table.key_of(number)
        except Damaged:
            break
    return found


def names(count: int, prefix: str = "n") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def test_keys_are_found_again(tmp_path: Path) -> None:
    table = made(tmp_path)
    numbers = table.numbers_for(names(2 * PER_PAGE + 3))
    assert list(numbers.values()) == list(range(2 * PER_PAGE + 3))
    assert table.numbers_for(["n5", "n5", "new"]) == {"n5": 5, "new": 2 * PER_PAGE + 3}
    again = loaded(tmp_path)
    assert keys_of(again) == keys_of(table)
    assert again.number_of("n5") == 5
    assert len(set(keys_of(again).values())) == len(again) == 2 * PER_PAGE + 4


def test_a_number_that_was_forgotten_is_never_given_again(tmp_path: Path) -> None:
    table = made(tmp_path)
    table.numbers_for(["ann", "bob"])
    assert table.forget("bob") == 1
    assert table.forget("bob") is None
    for each in (table, loaded(tmp_path)):
        assert each.key_of(1) is None
        assert each.number_of("bob") is None
    assert loaded(tmp_path).numbers_for(["bob"]) == {"bob": 2}


def test_a_number_that_was_never_given_is_damage(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="older than the data"):
        made(tmp_path).key_of(0)


def test_a_forgotten_key_is_nowhere_in_the_folder(tmp_path: Path) -> None:
    table = made(tmp_path)
    table.numbers_for(names(2 * PER_PAGE))
    opened: list[bytes] = []
    table.forget("n3")
    table.forget(f"n{PER_PAGE + 3}")
    # With the table key at hand, whatever can be opened of the files has neither of the keys.
    digest = table._name("n3")
    for place in tmp_path.iterdir():
        raw = place.read_bytes()
        for start in range(0, len(raw) - 28, 4):
            for context in (table._pages._page_context(0), table._pages._journal_context(raw[:8])):
                for end in (start + 16384, start - 8 + 8 + int.from_bytes(raw[:8], "big") if start == 8 else start):
                    body = table._pages.cipher.unseal(raw[start : start + 12], raw[start + 12 : end], context)
                    opened += [] if body is None else [body]
    assert opened
    assert not any(digest in body for body in opened)


def test_a_rotation_keeps_all_keys_and_closes_the_old_root_key_out(tmp_path: Path) -> None:
    table = made(tmp_path)
    table.numbers_for(names(PER_PAGE + 1))
    table.forget("n1")
    before = keys_of(table)
    table.rotate(ROOTS[1])
    table.numbers_for(["new"])
    assert {number: key for number, key in keys_of(loaded(tmp_path, ROOTS[1])).items() if number in before} == before
    with pytest.raises(BadInput, match="does not open"):
        loaded(tmp_path)


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    table = made(tmp_path)
    table.numbers_for(["ann"])
    with pytest.MonkeyPatch.context() as patch:
        disk = Refusing(patch, tmp_path, at=3, mode="half")
        with pytest.raises(Unprotected, match="cannot be written"):
            table.numbers_for(["bob"])
        assert disk.calls == 3
    before = {place.name: place.read_bytes() for place in tmp_path.iterdir()}
    reader = loaded(tmp_path, can_write=False)
    assert reader.number_of("ann") == 0
    assert {place.name: place.read_bytes() for place in tmp_path.iterdir()} == before


STEPS: dict[str, tuple[Callable[[SubjectKeys], object], int]] = {
    "one": (lambda table: table.numbers_for(["new"]), PER_PAGE + 11),
    "many": (lambda table: table.numbers_for(names(3 * PER_PAGE)), 3 * PER_PAGE),
    "forget": (lambda table: table.forget("n1"), PER_PAGE + 9),
}


@pytest.mark.parametrize("mode", ["before", "after", "half"])
@pytest.mark.parametrize("step", sorted(STEPS))
def test_a_change_that_the_disk_refuses_is_none_and_can_be_repeated(quick_path: Path, step: str, mode: str) -> None:
    action, count = STEPS[step]
    source = quick_path / "table"
    source.mkdir()
    made(source).numbers_for(names(PER_PAGE + 10))
    is_done, at = False, 0
    while not is_done:
        at += 1
        folder = quick_path / str(at)
        shutil.copytree(source, folder)
        table = loaded(folder)
        before = keys_of(table)
        with pytest.MonkeyPatch.context() as patch:
            Refusing(patch, folder, at, mode)
            try:
                action(table)
                is_done = True
            except Unprotected:
                assert keys_of(table) == before
                # The disk may have what was refused, and it is whole.
                assert len(loaded(folder, can_write=False)) in {len(before), count}
        if not is_done:
            table.forget("n7")
            assert len(loaded(folder)) == len(before) - 1
            action(table)
            assert len(table) == count - 1 + (step == "many")
        again = loaded(folder)
        assert keys_of(again) == keys_of(table)
        assert len(again) == len(table)
    assert at > 5


def test_the_table_survives_a_power_failure_at_every_call(quick_path: Path) -> None:
    source = quick_path / "table"
    source.mkdir()
    held = next_held = PER_PAGE - 3
    table = made(source)
    table.numbers_for(names(held))
    with pytest.MonkeyPatch.context() as patch:
        disk = Losing(patch, source)
        disk.told = lambda: {held, next_held}
        for action, change in (
            (lambda: table.numbers_for(["new"]), 1),
            (lambda: table.numbers_for(names(2 * PER_PAGE, "m")), 2 * PER_PAGE),
            (lambda: table.forget("n3"), -1),
            (lambda: table.forget("m3"), -1),
        ):
            next_held = held + change
            action()
            held = next_held
    assert len(disk.moments) > 20
    for number, moment in enumerate(disk.moments):
        for way, chance in enumerate((None, *(random.Random(10 * number + more) for more in range(4)))):
            target = quick_path / f"{number}-{way}"
            after_power_failure(moment, source, target, chance)
            assert len(loaded(target)) in moment[0], (number, way)
            assert len(loaded(target).numbers_for(["last"])) == 1
            shutil.rmtree(target)
