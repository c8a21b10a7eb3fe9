from __future__ import annotations

import time
from datetime import date
from pathlib import Path

from privet.check import cache as caches
from privet.check.scan import scan, tree_of
from privet.check.tree import Entry, Tree

DAY = date(2027, 1, 1)
FILES = {
    "train.py": 'from transformers import AutoModel\n\nAutoModel.from_pretrained("m", trust_remote_code=True)\n',
    "data/a.csv": "name,email\nMaria,maria.lopez@correo-madrid.es\nJan,jan.kowal@poczta-krakow.pl\n",
    "compose.yaml": 'services:\n  llm:\n    image: vllm/vllm-openai\n    environment: {VLLM_NO_USAGE_STATS: "0"}\n',
    "plain.py": "x = 1\n",
}


def test_a_second_run_finds_the_same(tmp_path: Path) -> None:
    first = caches.load(tmp_path)
    found = scan(tree_of(FILES), today=DAY, cache=first)
    assert found.findings
    first.save(tmp_path)
    second = caches.load(tmp_path)
    assert scan(tree_of(FILES), today=DAY, cache=second) == found
    assert len(second.taken()) == 3  # the compose file is read each time: others may take something from it


def test_what_changed_is_read_again(tmp_path: Path) -> None:
    first = caches.load(tmp_path)
    scan(tree_of(FILES), today=DAY, cache=first)
    first.save(tmp_path)
    mended = {**FILES, "train.py": FILES["train.py"].replace("True", "False")}
    found = scan(tree_of(mended), today=DAY, cache=caches.load(tmp_path))
    assert "train.py" not in {finding.path for finding in found.findings}


def test_an_allowance_is_another_one_tomorrow(tmp_path: Path) -> None:
    line = 'AutoModel.from_pretrained("m", trust_remote_code=True)'
    comment = '  # privet: allow transformers-trust-remote-code reason="own code" expires=2027-01-01'
    files = {"train.py": FILES["train.py"].replace(line, line + comment)}
    first = caches.load(tmp_path)
    assert not scan(tree_of(files), today=DAY, cache=first).findings
    first.save(tmp_path)
    assert scan(tree_of(files), today=date(2027, 1, 2), cache=caches.load(tmp_path)).findings


def test_the_file_holds_no_value_no_path_and_no_reason(tmp_path: Path) -> None:
    first = caches.load(tmp_path)
    comment = '  # privet: allow transformers-trust-remote-code reason="own code" expires=2027-01-01'
    allowed = FILES["train.py"].replace("True)", f"True){comment}")
    scan(tree_of({**FILES, "train.py": allowed}), today=DAY, cache=first)
    first.save(tmp_path)
    (file,) = tmp_path.iterdir()
    raw = file.read_bytes()
    assert b"maria" not in raw.lower()
    for name in FILES:
        assert name.rpartition("/")[2].encode() not in raw
    assert b"own code" not in raw
    assert file.stat().st_mode & 0o077 == 0


def test_a_broken_file_is_an_empty_cache(tmp_path: Path) -> None:
    first = caches.load(tmp_path)
    scan(tree_of(FILES), today=DAY, cache=first)
    first.save(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"\xc1broken")
    assert scan(tree_of(FILES), today=DAY, cache=caches.load(tmp_path)).findings


def test_a_file_that_nobody_touched_is_not_read(tmp_path: Path) -> None:
    stamped = _stamped(FILES, 10)
    first = caches.load(tmp_path)
    found = scan(stamped, today=DAY, cache=first)
    first.save(tmp_path)
    read: list[str] = []
    assert scan(_stamped(FILES, 10, read), today=DAY, cache=caches.load(tmp_path)) == found
    assert "plain.py" not in read
    assert "compose.yaml" in read  # others may take something from it


def test_a_file_with_other_times_is_read(tmp_path: Path) -> None:
    first = caches.load(tmp_path)
    scan(_stamped(FILES, 10), today=DAY, cache=first)
    first.save(tmp_path)
    mended = {**FILES, "train.py": FILES["train.py"].replace("True", "None")}
    found = scan(_stamped(mended, 11), today=DAY, cache=caches.load(tmp_path))
    assert "train.py" not in {finding.path for finding in found.findings}


def test_a_file_that_changed_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    now = time.time_ns()
    first = caches.load(tmp_path)
    scan(_stamped(FILES, now), today=DAY, cache=first)
    first.save(tmp_path)
    mended = {**FILES, "train.py": FILES["train.py"].replace("True", "None")}
    found = scan(_stamped(mended, now), today=DAY, cache=caches.load(tmp_path))
    assert "train.py" not in {finding.path for finding in found.findings}


def test_an_allowance_is_another_one_tomorrow_by_its_place_too(tmp_path: Path) -> None:
    allowed = 'True)  # privet: allow transformers-trust-remote-code reason="own code" expires=2027-01-01'
    files = {"train.py": FILES["train.py"].replace("True)", allowed)}
    first = caches.load(tmp_path)
    assert not scan(_stamped(files, 10), today=DAY, cache=first).findings
    first.save(tmp_path)
    assert scan(_stamped(files, 10), today=date(2027, 1, 2), cache=caches.load(tmp_path)).findings


def _stamped(files: dict[str, str], time_ns: int, read: list[str] | None = None) -> Tree:
    """Return a tree as a folder gives it, which tells what is read."""

    def body(entry: Entry, limit: int) -> bytes:
        if read is not None:
            read.append(entry.path)
        return files[entry.path].encode()[:limit]

    entries = [Entry(path, len(text.encode()), stamp=(1, len(text), time_ns, time_ns)) for path, text in files.items()]
    return Tree(entries, body, "texts")
