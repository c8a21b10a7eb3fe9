"""The ledger: what it adds up, what it refuses, and that it cannot be edited, rolled back or removed."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from privet.errors import BadInput, Damaged, RolledBack
from privet.evidence import Signer
from privet.train.accountant import Steps, epsilon_of
from privet.train.ledger import Entry, Ledger

RUN = Entry("a", "example", 1e-5, 1.0, 0.05, 100, ended=False)
SPENT = epsilon_of((Steps(1.0, 0.05, 100),), 1e-5)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state folder."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def ledger(tmp_path: Path, state: Path) -> Ledger:
    """Return a ledger that has no entry yet."""
    return Ledger(tmp_path / "ledger.json", state)


def test_nothing_is_spent_at_first(ledger: Ledger) -> None:
    assert ledger.epsilon("tickets", "example", 1e-5) == 0


def test_the_whole_plan_counts_until_the_run_has_ended(ledger: Ledger) -> None:
    assert ledger.reserve("tickets", RUN, 8.0) == pytest.approx(SPENT)
    assert ledger.epsilon("tickets", "example", 1e-5) == pytest.approx(SPENT)
    ledger.end("tickets", "a", 10)
    assert ledger.epsilon("tickets", "example", 1e-5) == pytest.approx(epsilon_of((Steps(1.0, 0.05, 10),), 1e-5))


def test_runs_add_up_and_datasets_do_not(ledger: Ledger) -> None:
    ledger.reserve("tickets", RUN, 8.0)
    total = ledger.reserve("tickets", replace(RUN, run="b"), 8.0)
    assert total == pytest.approx(epsilon_of((Steps(1.0, 0.05, 200),), 1e-5), rel=1e-3)
    assert ledger.reserve("notes", replace(RUN, run="c"), 8.0) == pytest.approx(SPENT)


def test_a_run_that_goes_on_counts_once(ledger: Ledger) -> None:
    ledger.reserve("tickets", RUN, 8.0)
    assert ledger.reserve("tickets", RUN, 8.0) == pytest.approx(SPENT)


def test_beyond_the_budget_nothing_is_entered(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reserve("tickets", RUN, SPENT * 1.05)
    before = (tmp_path / "ledger.json").read_bytes()
    with pytest.raises(BadInput, match="has spent epsilon"):
        ledger.reserve("tickets", replace(RUN, run="b"), SPENT * 1.05)
    assert (tmp_path / "ledger.json").read_bytes() == before


def test_another_unit_is_refused(ledger: Ledger) -> None:
    ledger.reserve("tickets", RUN, 8.0)
    with pytest.raises(BadInput, match="another unit"):
        ledger.reserve("tickets", replace(RUN, run="b", unit="subject"), 8.0)


def test_an_edited_ledger_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reserve("tickets", RUN, 8.0)
    path = tmp_path / "ledger.json"
    document = json.loads(path.read_text())
    document["datasets"]["tickets"][0]["steps"] = 1
    path.write_text(json.dumps(document))
    with pytest.raises(Damaged, match="edited"):
        ledger.epsilon("tickets", "example", 1e-5)


def test_one_signed_by_another_key_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reserve("tickets", RUN, 8.0)
    path = tmp_path / "ledger.json"
    document = json.loads(path.read_text())
    document["datasets"] = {}
    path.write_text(json.dumps(Signer(bytes(32)).signed(document)))
    with pytest.raises(Damaged, match="another key"):
        ledger.epsilon("tickets", "example", 1e-5)


def test_an_older_copy_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    ledger.reserve("tickets", RUN, 8.0)
    shutil.copy(path, tmp_path / "old")
    ledger.reserve("tickets", replace(RUN, run="b"), 8.0)
    shutil.copy(tmp_path / "old", path)
    with pytest.raises(RolledBack, match="written last"):
        ledger.reserve("tickets", replace(RUN, run="c"), 8.0)


def test_one_that_is_gone_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reserve("tickets", RUN, 8.0)
    (tmp_path / "ledger.json").unlink()
    with pytest.raises(RolledBack, match="gone"):
        ledger.epsilon("tickets", "example", 1e-5)


def test_it_is_for_its_owner_only(ledger: Ledger, tmp_path: Path, state: Path) -> None:
    ledger.reserve("tickets", RUN, 8.0)
    for path in (tmp_path / "ledger.json", *state.iterdir()):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077
