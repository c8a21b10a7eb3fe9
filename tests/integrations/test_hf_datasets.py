"""Datasets of Hugging Face, by `map` and whole, with real files."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from privet.errors import BadInput
from privet.integrations.hf_datasets import Scrub, scrub_batch, scrub_dataset
from privet.policy import DEFAULT, Transform, with_value

NARROW = with_value(DEFAULT, "scrub.columns", frozenset({"text", "number"}))
ROWS = {
    "text": [f"write to jane{number}@example.com" for number in range(60)],
    "number": list(range(60)),
    "note": [f"call +1 415 555 01{number}" for number in range(10, 70)],
}
needs_datasets = pytest.mark.skipif(find_spec("datasets") is None, reason="datasets is not installed")


@pytest.fixture(autouse=True)
def _stays_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


def test_what_the_policy_leaves_out_comes_back_as_none() -> None:
    # `map` keeps the columns that a function does not give.
    assert Scrub(NARROW, tier="patterns")({name: values[:1] for name, values in ROWS.items()}) == {
        "text": ["write to [EMAIL_ADDRESS]"],
        "number": [0],
        "note": [None],
    }
    assert scrub_batch({}) == {}


def test_a_scrub_that_was_sent_is_the_same() -> None:
    policy = with_value(
        DEFAULT,
        "scrub.transform",
        frozenset({Transform("pseudonym", kind="EMAIL_ADDRESS"), Transform("drop", column="note")}),
    )
    scrub = Scrub(policy, tier="patterns", key=bytes(32))
    batch = {name: values[:3] for name, values in ROWS.items()}
    made = scrub(batch)
    assert pickle.loads(pickle.dumps(scrub))(batch) == made  # noqa: S301
    assert "jane0@example.com" not in str(made)
    assert made["note"] == [None] * 3
    with pytest.raises(BadInput, match="needs a key"):
        Scrub(policy, tier="patterns")(batch)


def test_its_bytes_are_the_same_in_every_process() -> None:
    # `datasets` names a cache for them; the order of a set differs from process to process.
    code = (
        "import hashlib, pickle; from privet.integrations.hf_datasets import Scrub; "
        "print(hashlib.sha256(pickle.dumps(Scrub())).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1
    others = (Scrub(NARROW), Scrub(tier="patterns"), Scrub(key=bytes(32)))
    assert len({pickle.dumps(scrub) for scrub in (scrub_batch, *others)}) == 4


@needs_datasets
@pytest.mark.parametrize("processes", [None, 2])
def test_map(processes: int | None) -> None:
    import datasets

    made = datasets.Dataset.from_dict(ROWS).map(Scrub(NARROW, tier="patterns"), batched=True, num_proc=processes)
    assert made[0] == {"text": "write to [EMAIL_ADDRESS]", "number": 0, "note": None}
    assert len(made) == 60


@needs_datasets
def test_map_finds_its_cache_again(tmp_path: Path) -> None:
    import datasets

    datasets.Dataset.from_dict(ROWS).save_to_disk(str(tmp_path / "raw"))
    for scrub, caches in (
        (Scrub(tier="patterns"), 1),
        (Scrub(tier="patterns"), 1),
        (Scrub(NARROW, tier="patterns"), 2),
    ):
        datasets.load_from_disk(str(tmp_path / "raw")).map(scrub, batched=True)
        assert len(list((tmp_path / "raw").glob("cache-*.arrow"))) == caches
    assert all(b"@example.com" not in path.read_bytes() for path in (tmp_path / "raw").glob("cache-*.arrow"))


@needs_datasets
@pytest.mark.parametrize("processes", [None, 2])
def test_a_whole_dataset(processes: int | None) -> None:
    import datasets

    raw = datasets.Dataset.from_dict(ROWS | {"jane@example.com": ROWS["number"]})
    raw.info.description = "letters of Jane Doe"
    raw.info.download_checksums = {"/home/jane/raw.jsonl": {"num_bytes": 1}}
    made = scrub_dataset(raw, NARROW, tier="patterns", num_proc=processes)
    assert made.column_names == ["text", "number"]
    assert made[59] == {"text": "write to [EMAIL_ADDRESS]", "number": 59}
    assert made.features == {name: raw.features[name] for name in ("text", "number")}
    assert made.cache_files == []
    assert "jane" not in str(made.info).lower()
    assert raw.info.description == "letters of Jane Doe"
    assert raw[0]["text"] == "write to jane0@example.com"
    assert scrub_dataset(raw, tier="patterns").column_names == ["text", "number", "note", "[EMAIL_ADDRESS]"]


@needs_datasets
def test_a_dataset_in_parts_and_a_stream() -> None:
    import datasets

    raw = datasets.Dataset.from_dict(ROWS)
    parts = scrub_dataset(datasets.DatasetDict(train=raw, test=raw), NARROW, tier="patterns")
    assert {name: part.column_names for name, part in parts.items()} == {
        "train": ["text", "number"],
        "test": ["text", "number"],
    }
    for stream in (raw.to_iterable_dataset(), datasets.IterableDataset.from_generator(raw.__iter__)):
        made = list(scrub_dataset(stream, NARROW, tier="patterns"))
        assert made == list(parts["train"])
    by_hand = raw.to_iterable_dataset().map(Scrub(NARROW, tier="patterns"), batched=True)
    assert next(iter(by_hand)) == {"text": "write to [EMAIL_ADDRESS]", "number": 0, "note": None}
    with pytest.raises(BadInput, match="found list"):
        scrub_dataset([{"text": "a"}])


@needs_datasets
def test_a_stream_whose_later_rows_have_more() -> None:
    import datasets

    def rows() -> Any:
        yield {"text": "a"}
        yield {"text": "b", "note": "jane@example.com"}

    made = list(scrub_dataset(datasets.IterableDataset.from_generator(rows), NARROW, tier="patterns"))
    assert [row["text"] for row in made] == ["a", "b"]
    assert "jane" not in str(made)


@needs_datasets
def test_a_row_that_names_a_file_does_not_have_it_read(tmp_path: Path) -> None:
    import datasets

    (tmp_path / "secret.txt").write_text("the content of another file")
    raw = datasets.Dataset.from_dict({"value": [{"bytes": None, "path": str(tmp_path / "secret.txt")}]})
    assert "content" not in str(scrub_dataset(raw, tier="patterns")[0])


@needs_datasets
def test_pictures_are_cleaned_as_files(tmp_path: Path) -> None:
    import datasets

    picture = Image.new("RGB", (8, 8), "red")
    exif = picture.getexif()
    exif[315] = "Jane Doe"
    path = tmp_path / "red.jpg"
    picture.save(path, exif=exif)
    features = datasets.Features({"picture": datasets.Image()})
    raw = datasets.Dataset.from_dict({"picture": [str(path), {"bytes": path.read_bytes(), "path": None}]}, features)
    made = scrub_dataset(raw, tier="patterns")
    assert made.features == features
    kept = made.with_format("arrow")[:].to_pydict()["picture"]
    assert [value["path"] for value in kept] == ["red.jpg", None]
    for value in kept:
        assert b"Jane" not in value["bytes"]
        assert Image.open(io.BytesIO(value["bytes"])).tobytes() == Image.open(path).tobytes()
    streamed = list(scrub_dataset(raw.to_iterable_dataset(), tier="patterns"))
    assert [row["picture"] for row in streamed] == kept
    path.unlink()
    assert scrub_dataset(raw, tier="patterns").with_format("arrow")[0].to_pydict()["picture"] == [
        {"bytes": None, "path": None}
    ]
