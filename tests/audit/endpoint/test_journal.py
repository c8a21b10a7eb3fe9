from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from privet.audit.endpoint.journal import FORMAT, MAX_AGE_SECONDS, Journal
from privet.audit.endpoint.outcome import Outcome, Verdict

IDENTITY = {"target": "http://127.0.0.1:8000/v1", "key": "key-a", "seed": 0, "only": ["egress"]}


def outcome(
    test_id: str = "egress", verdict: Verdict = "pass", revealed: tuple[str, ...] = (), **figures: Any
) -> Outcome:
    return Outcome(
        test_id, verdict, 9, 0, "none of 9 leaked", "", {"a": 1}, ("a note",), figures, {"s": 0.25}, revealed
    )


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_kept_is_taken_over_as_it_was(tmp_path: Path) -> None:
    first = Journal.of(tmp_path, IDENTITY)
    kept = [
        outcome("egress", auc=0.1 + 0.2, rows=[1, {"x": None}]),
        outcome("transport", "fail"),
        outcome("isolation", "underpowered"),
    ]
    for each in kept:
        first.keep(each)
    assert Journal.of(tmp_path, IDENTITY).done() == {each.id: each for each in kept}


def test_numbers_of_numpy_are_kept_as_numbers(tmp_path: Path) -> None:
    Journal.of(tmp_path, IDENTITY).keep(outcome(auc=np.float64(0.5), count=np.int64(3)))
    assert Journal.of(tmp_path, IDENTITY).done()["egress"].figures == {"auc": 0.5, "count": 3}


@pytest.mark.parametrize(
    "change", [{"target": "http://127.0.0.1:8001/v1"}, {"key": "key-b"}, {"seed": 1}, {"only": []}, {"more": 1}]
)
def test_another_audit_takes_nothing_over(tmp_path: Path, change: dict[str, Any]) -> None:
    Journal.of(tmp_path, IDENTITY).keep(outcome())
    assert not Journal.of(tmp_path, IDENTITY | change).done()
    assert Journal.of(tmp_path, IDENTITY).done()


def test_texts_of_answers_and_what_was_not_tested_are_not_kept(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path, IDENTITY)
    journal.keep(outcome("transport", "fail", revealed=("amber-anvil",)))
    journal.keep(outcome("isolation", "not-tested"))
    assert not journal.done()
    journal.keep(outcome())
    written = b"".join(path.read_bytes() for path in files(tmp_path))
    assert b"amber-anvil" not in written


def test_only_the_user_can_read_it_and_the_identity_is_in_no_name(tmp_path: Path) -> None:
    Journal.of(tmp_path, IDENTITY).keep(outcome())
    assert len(files(tmp_path)) == 2
    for path in files(tmp_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"key-a" not in path.read_bytes()
        assert b"127.0.0.1" not in path.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    Journal.of(other, IDENTITY).keep(outcome())
    names = {path.name for path in files(tmp_path) if path.suffix == ".json"}
    assert len(names) == 2


def test_it_is_gone_when_the_audit_is_complete(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path, IDENTITY)
    journal.keep(outcome())
    journal.end()
    assert not journal.done()
    assert not Journal.of(tmp_path, IDENTITY).done()
    assert not list(tmp_path.rglob("*.json"))


def test_a_day_is_the_longest(tmp_path: Path) -> None:
    Journal.of(tmp_path, IDENTITY).keep(outcome())
    (path,) = tmp_path.rglob("*.json")
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(document | {"begun": time.time() - MAX_AGE_SECONDS - 1}))
    assert not Journal.of(tmp_path, IDENTITY).done()
    os.utime(path, (0, 0))
    Journal.of(tmp_path, {"another": 1})
    assert not path.exists()


def test_time_runs_from_the_first_outcome(tmp_path: Path) -> None:
    Journal.of(tmp_path, IDENTITY).keep(outcome())
    (path,) = tmp_path.rglob("*.json")
    begun = json.loads(path.read_bytes())["begun"]
    Journal.of(tmp_path, IDENTITY).keep(outcome("transport"))
    assert json.loads(path.read_bytes())["begun"] == begun


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"\xff\xfe", b'{"format": "other/1", "begun": 0, "outcomes": []}', b"[" * 10_000,
        json.dumps({"format": FORMAT, "begun": 1e300, "outcomes": []}).encode(),
        json.dumps({"format": FORMAT, "begun": 0, "outcomes": [{"id": "egress"}]}).encode(),
        json.dumps({"format": FORMAT, "begun": 0, "outcomes": [], "more": 1}).encode(),
    ],
)  # fmt: skip
def test_a_broken_journal_is_none(tmp_path: Path, content: bytes) -> None:
    Journal.of(tmp_path, IDENTITY).keep(outcome())
    (path,) = tmp_path.rglob("*.json")
    path.write_bytes(content)
    journal = Journal.of(tmp_path, IDENTITY)
    assert not journal.done()
    journal.keep(outcome())
    assert Journal.of(tmp_path, IDENTITY).done()


def test_what_others_may_read_or_have_linked_is_not_taken_over(tmp_path: Path) -> None:
    Journal.of(tmp_path, IDENTITY).keep(outcome())
    (path,) = tmp_path.rglob("*.json")
    path.chmod(0o644)
    assert not Journal.of(tmp_path, IDENTITY).done()
    path.chmod(0o600)
    moved = tmp_path / "moved"
    path.rename(moved)
    path.symlink_to(moved)
    assert not Journal.of(tmp_path, IDENTITY).done()


def test_where_nothing_can_be_written_the_audit_runs_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "audits").write_text("in the way")
    journal = Journal.of(tmp_path, IDENTITY)
    journal.keep(outcome())
    assert list(journal.done()) == ["egress"]
    journal.end()
