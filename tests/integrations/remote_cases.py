"""What every vault in a database must do, whatever the database: inherited by the tests of each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from privet.errors import BadInput, Damaged, RolledBack, Unprotected
from privet.vault import FolderKeys
from privet.vault.remote import RemoteVault
from privet.vault.remote_table import SealedRow, Version

VECTORS = np.random.default_rng(1).normal(size=(10, 8)).astype(np.float32)
IDS = [f"record-{number}" for number in range(10)]
Open = Callable[..., RemoteVault]


class PowerCut(Exception):
    """Nothing after this happens."""


def filled(opened: Open) -> RemoteVault:
    vault = opened(filter_fields=["language", "odd"])
    vault.add(
        IDS,
        VECTORS,
        documents=[f"document {number}" for number in range(10)],
        metadata=[
            {"number": number, "language": "en" if number % 2 else "de", "odd": bool(number % 2)}
            for number in range(10)
        ],
        subject=["ann" if number < 3 else None for number in range(10)],
    )
    return vault


class OtherSource(FolderKeys):
    """Root keys in memory, subject keys in the same folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.secrets: dict[str, bytes] = {}
        self.is_full = False

    def secret(self, name: str, *, create: bool) -> bytes:
        return self.secrets.setdefault(name, os.urandom(32)) if create else self.secrets[name]

    def replace(self, name: str, secret: bytes) -> None:
        if self.is_full and not name.endswith("-next"):
            raise Unprotected("full")
        self.secrets[name] = secret


class RemoteCases:
    """Needs a fixture `opened`: a function that opens the same vault each time."""

    def test_what_was_added_is_found_again(self, opened: Open) -> None:
        filled(opened).close()
        with opened() as vault:
            assert len(vault) == 10
            assert vault.filter_fields == ("language", "odd")
            hit, *_ = vault.search(VECTORS[4:5], 3)[0]
            assert (hit.id, hit.document) == ("record-4", "document 4")
            assert hit.metadata == {"number": 4, "language": "de", "odd": False}
            assert hit.score == pytest.approx(1, abs=1e-3)
            record, nothing = vault.get(["record-0", "nobody"])
            assert nothing is None
            assert record is not None
            assert np.array_equal(record.vector, VECTORS[0])
            assert vault.verify().records == 10

    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ({"language": "en"}, {1, 3, 5, 7, 9}),
            ({"language": {"$in": ["en", "fr"]}, "odd": True}, {1, 3, 5, 7, 9}),
            ({"$and": [{"language": "de"}, {"odd": False}]}, {0, 2, 4, 6, 8}),
            ({"language": {"$in": []}}, set()),
            ({"odd": 1}, set()),
            ({"language": "en", "number": {"$gt": 3}}, {5, 7, 9}),
            ({"$or": [{"number": 1}, {"number": 2.0}]}, {1, 2}),
            ({"missing": "x"}, set()),
            ({"missing": {"$exists": False}, "language": {"$ne": "en"}}, {0, 2, 4, 6, 8}),
        ],
    )
    def test_a_filter_lets_the_same_be_found_whoever_answers_it(
        self, opened: Open, where: dict[str, Any], found: set[int]
    ) -> None:
        with filled(opened) as vault:
            hits = vault.search(VECTORS[:1], 10, where=where)[0]
            assert {hit.id for hit in hits} == {f"record-{number}" for number in found}

    def test_what_was_deleted_or_replaced_is_gone(self, opened: Open) -> None:
        with filled(opened) as vault:
            assert vault.search(VECTORS[:1], 10, where={"number": {"$gt": 7}})
            assert vault.delete(["record-9", "nobody", "record-9"]) == 1
            assert vault.get(["record-9"]) == [None]
            with pytest.raises(BadInput, match="there already"):
                vault.add(["record-8"], VECTORS[:1])
            vault.add(["record-8"], VECTORS[:1], ["newer"], [{"number": 80}], replace=True)
            (hit,) = vault.search(VECTORS[:1], 10, where={"number": {"$gt": 7}})[0]
            assert (hit.id, hit.document) == ("record-8", "newer")
        with opened() as vault:
            assert len(vault) == 9
            assert vault.get(["record-8"])[0].document == "newer"  # type: ignore[union-attr]
            vault.verify()

    def test_a_forgotten_subject_is_gone(self, opened: Open, keys: Path) -> None:
        with filled(opened) as vault:
            assert vault.forget("ann") == 3
            assert vault.forget("ann") == 0
            assert vault.get(["record-0"]) == [None]
            vault.add(["new"], VECTORS[:1], subject="ann")
        with opened() as vault:
            assert set(vault.ids()) == {*IDS[3:], "new"}
            assert vault.verify().subjects == 1
        assert keys.stat().st_mode & 0o777 == 0o700

    def test_a_rotated_vault_opens(self, opened: Open, keys: Path, tmp_path: Path) -> None:
        with filled(opened) as vault:
            shutil.copytree(keys, tmp_path / "before")
            vault.rotate()
            vault.add(["new"], VECTORS[:1], subject="bob")
        with opened() as vault:
            assert len(vault) == 11
            vault.rotate()
            vault.verify()

    def test_the_root_key_moves_to_another_source(self, opened: Open, keys: Path, tmp_path: Path) -> None:
        source = OtherSource(keys)
        with filled(opened) as vault:
            with pytest.raises(BadInput, match="another folder"):
                vault.rotate(tmp_path / "elsewhere")
            vault.rotate(source)
        with opened(keys=source) as vault:
            vault.verify()
            # The old key opens nothing any more.
            with pytest.raises(BadInput, match="does not open"):
                opened()
            source.is_full = True
            with pytest.raises(Unprotected, match="full"):
                vault.rotate()
        source.is_full = False
        with opened(keys=source) as vault:
            assert len(vault) == 10
            vault.rotate()
        with opened(keys=source, read_only=True) as vault:
            vault.verify()

    def test_calls_that_make_no_sense_are_refused(self, opened: Open) -> None:
        vault = filled(opened)
        for call in (lambda: vault.delete("record-1"), lambda: vault.get("record-1")):
            with pytest.raises(BadInput, match="list of ids"):
                call()
        with pytest.raises(BadInput, match="k of 1"):
            vault.search(VECTORS[:1], 0)
        with pytest.raises(BadInput, match="8 dimensions"):
            vault.search(VECTORS[:1, :4])
        vault.close()
        vault.close()
        with pytest.raises(BadInput, match="closed"):
            vault.search(VECTORS[:1])

    def test_what_is_of_the_wrong_kind_is_refused(self, opened: Open) -> None:
        with filled(opened) as vault:
            for wrong in (None, 5, ["p"], "", "\ud800"):
                with pytest.raises(BadInput, match="subject"):
                    vault.forget(wrong)  # type: ignore[arg-type]
            for call in (vault.get, vault.delete):
                for ids in (None, 5, [5]):
                    with pytest.raises(BadInput, match="ids"):
                        call(ids)  # type: ignore[arg-type]
            for k in (2.5, None, "3"):
                with pytest.raises(BadInput, match="k of 1"):
                    vault.search(VECTORS[:1], k)  # type: ignore[arg-type]
            for where in (5, {5: 1}):
                with pytest.raises(BadInput, match="filter"):
                    vault.search(VECTORS[:1], where=where)  # type: ignore[arg-type]
            assert vault.verify().records == 10
        with pytest.raises(BadInput, match="expected keys"):
            opened(keys=None)

    def test_it_is_told_whose_a_record_is(self, opened: Open) -> None:
        with filled(opened) as vault:
            assert vault.is_of("record-0", "ann")
            assert not any(vault.is_of(*pair) for pair in (("record-3", "ann"), ("record-0", "bob"), ("no", "ann")))

    def test_to_compact_removes_what_could_not_be_removed(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        with filled(opened) as vault:

            def refuse(rows: list[SealedRow], gone: list[Version]) -> None:  # noqa: ARG001 - as the table has it
                raise Unprotected("full")

            monkeypatch.setattr(vault._state.table, "write", refuse)
            with pytest.raises(Unprotected):
                vault.forget("ann")
            monkeypatch.undo()
            assert len(list(vault._state.table.rows(None))) == 10
            vault.compact()
            assert len(list(vault._state.table.rows(None))) == len(vault._state.contents) == 7
            vault.compact()
            assert vault.verify().records == 7

    def test_the_keys_of_another_vault_leave_no_folder(self, opened: Open, tmp_path: Path) -> None:
        filled(opened).close()
        for options in ({}, {"read_only": True}):
            with pytest.raises(BadInput, match="no key file"):
                opened(keys=tmp_path / "wrong", **options)
        assert not (tmp_path / "wrong").exists()

    def test_an_empty_vault_finds_nothing(self, opened: Open) -> None:
        with opened() as vault:
            assert vault.search(VECTORS[:2], 3, where={"a": 1}) == [[], []]
            assert vault.get(["a"]) == [None]
            assert vault.forget("nobody") == vault.delete(["a"]) == 0
            assert vault.verify().records == 0
            assert "record-1" not in vault

    def test_a_database_that_answers_a_filter_wrongly_is_told(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with filled(opened) as vault:
            wrong = {vault.row_key("record-2")}
            monkeypatch.setattr(vault._state.table, "matching", lambda _groups: wrong)
            with pytest.raises(Damaged, match="does not let pass"):
                vault.search(VECTORS[:1], 3, where={"language": "en"})

    def test_what_was_removed_is_told_at_a_refresh(self, opened: Open) -> None:
        with filled(opened) as vault, opened(read_only=True) as reader:
            reader.search(VECTORS[:1], 3, where={"number": 1})
            vault.add(["new"], VECTORS[:1], metadata=[{"number": 1}])
            reader.refresh()
            assert {hit.id for hit in reader.search(VECTORS[:1], 3, where={"number": 1})[0]} == {"record-1", "new"}
            vault._state.table.write([], [(vault.row_key("record-3"), 1)])
            vault.delete(["new"])
            with pytest.raises(RolledBack, match="expected 10, found 9"):
                reader.refresh()
            with pytest.raises(RolledBack, match="expected 10, found 9"):
                reader.refresh()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((["a"], VECTORS[:2]), "shape"),
            ((["a", "a"], VECTORS[:2]), "twice"),
            ((["a"], VECTORS[:1, :4]), "8 dimensions"),
            ((["a"], VECTORS[:1] * np.nan), "NaN"),
        ],
    )
    def test_what_cannot_be_added_changes_nothing(self, opened: Open, arguments: Any, message: str) -> None:
        with filled(opened) as vault:
            with pytest.raises(BadInput, match=message):
                vault.add(*arguments)
            assert vault.add([], np.zeros((0, 8), np.float32)) == 0
            assert vault.verify().generation == 1

    @pytest.mark.parametrize("change", ["fields", "keys", "read_only"])
    def test_what_does_not_fit_is_refused(self, opened: Open, tmp_path: Path, change: str) -> None:
        if change == "read_only":
            with pytest.raises(BadInput, match="no vault"):
                opened(read_only=True)
        filled(opened).close()
        options: dict[str, Any] = {
            "fields": {"filter_fields": ["other"]}, "keys": {"keys": tmp_path / "others"}, "read_only": {"read_only": True},
        }[change]  # fmt: skip
        if change == "read_only":
            with opened(**options) as vault, pytest.raises(BadInput, match="read_only"):
                vault.delete(IDS)
        else:
            with pytest.raises(BadInput, match=r"filter_fields|no key"):
                opened(**options)

    def test_several_share_one_vault(self, opened: Open) -> None:
        with filled(opened) as one, opened() as two, opened(read_only=True) as reader:
            two.add(["new"], VECTORS[:1], ["text"], subject="bob")
            one.delete(["record-9"])
            one.add(["record-8"], VECTORS[:1], ["newer"], replace=True)
            assert two.forget("ann") == 3
            # Nobody told the reader, who sees it as soon as it meets what changed.
            assert reader.get(["record-8"])[0].document == "newer"  # type: ignore[union-attr]
            assert reader.refresh() == one.refresh() == 7
            assert set(one.ids()) == set(reader.ids()) == {*IDS[3:9], "new"}
            one.verify()
            reader.verify()

    def test_a_forgotten_subject_is_gone_for_others_too(self, opened: Open) -> None:
        with filled(opened) as one, opened(read_only=True) as reader:
            one.forget("ann")
            assert {hit.id for hit in reader.search(VECTORS[:3], 1)[0]} <= set(IDS[3:])
            assert len(reader) == 7

    @pytest.mark.parametrize("moment", ["before", "within", "after"])
    @pytest.mark.parametrize("is_read_only", [False, True])
    def test_a_write_that_was_cut_short_is_settled(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch, moment: str, is_read_only: bool
    ) -> None:
        with filled(opened) as vault:
            table = vault._state.table
            write = table.write

            def cut(rows: list[SealedRow], gone: list[Version]) -> None:
                if moment == "within":
                    self.write_a_part(table, rows, gone)
                elif moment == "after":
                    write(rows, gone)
                raise PowerCut

            monkeypatch.setattr(table, "write", cut)
            with pytest.raises(PowerCut):
                vault.add(["record-8", "new"], VECTORS[:2], ["newer", "new"], replace=True)
        monkeypatch.undo()
        expected = 11 if moment == "after" else 10
        with opened(read_only=is_read_only) as vault:
            assert len(vault) == expected
            document = "newer" if moment == "after" else "document 8"
            assert vault.get(["record-8"])[0].document == document  # type: ignore[union-attr]
        with opened() as vault:
            vault.add(["more"], VECTORS[:1])
            assert vault.verify().records == expected + 1

    def write_a_part(self, table: Any, rows: list[SealedRow], gone: list[Version]) -> None:
        """Do what the database may have done of a write when the power fails: nothing, where it has transactions."""

    def test_a_refused_write_is_none(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        with filled(opened) as vault:

            def refuse(rows: list[SealedRow], gone: list[Version]) -> None:  # noqa: ARG001 - as the table has it
                raise Unprotected("full")

            monkeypatch.setattr(vault._state.table, "write", refuse)
            with pytest.raises(Unprotected, match="full"):
                vault.add(["new"], VECTORS[:1])
            monkeypatch.undo()
            assert vault.refresh() == 10
            vault.add(["new"], VECTORS[:1])
            assert vault.verify().records == 11

    @pytest.mark.parametrize(
        ("what", "error", "message"),
        [
            ("swapped", Damaged, "row .* not what was written"),
            ("older", RolledBack, "not those that were written last"),
            ("removed", RolledBack, "expected 10, found 9"),
            ("flipped", Damaged, "row .* not what was written"),
            ("tokens", Damaged, "row .* not what was written"),
        ],
    )
    def test_what_was_done_behind_the_vault_is_told(
        self, opened: Open, what: str, error: type[Damaged], message: str
    ) -> None:
        with filled(opened) as vault:
            rows = {row.key: row for row in vault._state.table.rows(None)}
            one, two = (rows[vault.row_key(name)] for name in ("record-4", "record-6"))
            if what == "older":
                vault.add(["record-4"], VECTORS[:1], ["newer"], replace=True)
            rest = [one] if what == "swapped" else []
            changed = {
                "swapped": [two._replace(key=one.key, generation=one.generation), one._replace(key=two.key)],
                "older": [one],
                "removed": [],
                "flipped": [one._replace(hot=one.hot[:-1] + bytes([one.hot[-1] ^ 1]))],
                "tokens": [one._replace(tokens=two.tokens[:1])],
            }[what]
            gone = [(one.key, 2 if what == "older" else 1), *((two.key, 1) for _ in rest)]
            vault._state.table.write([], gone)
            vault._state.table.write(changed, [])
            with pytest.raises(error, match=message):
                vault.verify()
        with pytest.raises(error, match=message):
            opened()
        with pytest.raises(error, match=message):
            opened(read_only=True)

    def test_another_document_is_told_when_it_is_read(self, opened: Open) -> None:
        with filled(opened) as vault:
            rows = {row.key: row for row in vault._state.table.rows(None)}
            one, two = (rows[vault.row_key(name)] for name in ("record-4", "record-6"))
            vault._state.table.write([], [(one.key, 1)])
            vault._state.table.write([one._replace(cold=two.cold)], [])
            with pytest.raises(Damaged, match="not what was written"):
                vault.get(["record-4"])
            with pytest.raises(Damaged, match="not what was written"):
                vault.search(VECTORS[4:5], 1)
            with pytest.raises(Damaged, match="not what was written"):
                vault.verify()

    def test_a_restored_dump_is_refused_and_brings_nobody_back(self, opened: Open) -> None:
        with filled(opened) as vault:
            table = vault._state.table
            dump = list(table.rows(None))
            vault.forget("ann")
            vault.add(["new"], VECTORS[:1])
            table.write([], [(row.key, row.generation) for row in table.rows(None)])
            table.write(dump, [])
        with pytest.raises(RolledBack, match="accept_older"):
            opened()
        with opened(accept_older=True, read_only=True) as vault:
            assert set(vault.ids()) == set(IDS[3:])
        with opened(accept_older=True) as vault:
            assert set(vault.ids()) == set(IDS[3:])
            assert {hit.id for hits in vault.search(VECTORS, 10) for hit in hits} == set(IDS[3:])
            vault.add(["newest"], VECTORS[:1])
            assert vault.verify().generation > 3
        with opened() as vault:
            assert set(vault.ids()) == {*IDS[3:], "newest"}
            assert len(vault) == 8

    def test_without_its_anchor_it_opens_only_on_demand(self, opened: Open, keys: Path) -> None:
        filled(opened).close()
        (anchor,) = keys.glob("*.rows")
        anchor.unlink()
        with pytest.raises(Damaged, match="no anchor"):
            opened()
        with pytest.raises(BadInput, match="filter_fields"):
            opened(accept_older=True)
        with opened(accept_older=True, filter_fields=["language", "odd"]) as vault:
            assert len(vault) == 10
        with opened() as vault:
            vault.verify()
        anchor.write_bytes(anchor.read_bytes()[:-1] + b"x")
        with pytest.raises(Damaged, match=anchor.name):
            opened()

    def test_nothing_that_is_printed_tells_anything(self, opened: Open) -> None:
        with filled(opened) as vault:
            texts = [repr(vault), repr(vault._state), repr(vault._state.table), repr(vault._state.contents)]
            texts += map(repr, vault._state.table.rows(None))
            assert not any(word in text for text in texts for word in ("record-", "document", "ann"))
