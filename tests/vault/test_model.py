"""Whatever is done in whatever order: a vault holds what a dictionary would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from privet.errors import BadInput
from privet.vault import Vault

IDS = [f"i{number}" for number in range(9)]
SUBJECTS = [None, "ann", "bob", "carl"]
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Held(NamedTuple):
    number: int
    subject: str | None


class VaultModel(RuleBasedStateMachine):
    """A vault beside a dictionary, and now and then a copy of its data folder."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.held: dict[str, Held] = {}
        self.copied: dict[str, Held] | None = None
        self.number = 0
        self.vault = self.opened()

    def opened(self, data: str = "data", **options: bool) -> Vault:
        return Vault.open(self.folder / data, keys=self.folder / "keys", **options)

    def teardown(self) -> None:
        self.vault.close()
        shutil.rmtree(self.folder)

    @rule(ids=st.lists(st.sampled_from(IDS), max_size=4, unique=True), replace=st.booleans(), data=st.data())
    def add(self, ids: list[str], replace: bool, data: st.DataObject) -> None:
        subjects = [data.draw(st.sampled_from(SUBJECTS)) for _ in ids]
        made = {
            each: Held(self.number + place, subject)
            for place, (each, subject) in enumerate(zip(ids, subjects, strict=True))
        }
        self.number += len(ids)
        vectors = np.array([vector_of(held.number) for held in made.values()], np.float32).reshape(-1, 3)
        documents = [str(held.number) for held in made.values()]
        if not replace and self.held.keys() & made.keys():
            try:
                self.vault.add(ids, vectors, documents=documents, subject=subjects, replace=replace)
            except BadInput:
                return
            raise AssertionError("an id that is there was taken")
        self.vault.add(
            ids, vectors, documents=documents, metadata=[{"n": each} for each in ids], subject=subjects, replace=replace
        )
        self.held |= made

    @rule(ids=st.lists(st.sampled_from(IDS), max_size=3))
    def delete(self, ids: list[str]) -> None:
        assert self.vault.delete(ids) == len(self.held.keys() & set(ids))
        for each in ids:
            self.held.pop(each, None)

    @rule(subject=st.sampled_from(SUBJECTS[1:]))
    def forget(self, subject: str) -> None:
        gone = [name for name, held in self.held.items() if held.subject == subject]
        assert self.vault.forget(subject) == len(gone)
        for each in gone:
            del self.held[each]
        if self.copied is not None:
            self.copied = {name: held for name, held in self.copied.items() if held.subject != subject}

    @rule()
    def compact(self) -> None:
        self.vault.compact()

    @rule()
    def rotate(self) -> None:
        self.vault.rotate()

    @rule()
    def reopen(self) -> None:
        self.vault.close()
        self.vault = self.opened()

    @rule()
    def read_beside(self) -> None:
        with self.opened(read_only=True) as reader:
            assert set(reader.ids()) == set(self.held)
            reader.verify()

    @rule()
    def copy(self) -> None:
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        shutil.copytree(self.folder / "data", self.folder / "copy")
        self.copied = dict(self.held)

    @precondition(lambda self: self.copied is not None)
    @rule()
    def put_back(self) -> None:
        """Go on with the copy: those who were forgotten since stay so."""
        self.vault.close()
        shutil.rmtree(self.folder / "data")
        (self.folder / "copy").rename(self.folder / "data")
        self.vault = self.opened(accept_older=True)
        assert self.copied is not None
        self.held, self.copied = self.copied, None

    @invariant()
    def holds_the_same(self) -> None:
        assert set(self.vault.ids()) == set(self.held)
        names = sorted(self.held)
        for name, record in zip(names, self.vault.get(names), strict=True):
            assert record is not None
            assert record.document == str(self.held[name].number)
            assert np.array_equal(record.vector, vector_of(self.held[name].number))
        if names:
            (hits,) = self.vault.search(
                vector_of(self.held[names[0]].number)[None, :], len(IDS), where={"n": names[0]}, exact=True
            )
            assert [hit.id for hit in hits] == names[:1]


def vector_of(number: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array([1, number, number * number % 7], np.float32)


TestVaultModel = VaultModel.TestCase
TestVaultModel.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
