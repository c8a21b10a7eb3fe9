"""Folders of `datasets`: caches are known as such, descriptions keep what a reader needs."""

from __future__ import annotations

import json
from pathlib import PurePath

import pytest

from privet.ingest import hf_folder
from privet.metadata.job import CannotClean


@pytest.mark.parametrize(
    ("name", "is_cache"),
    [
        ("train/cache-8f14e45fceea167a.arrow", True),
        ("train/cache-8f14e45fceea167a_00001_of_00004.arrow", True),
        ("indices.arrow", True),
        ("tmpab12_xyz", True),
        ("data.csv.lock", True),
        (".cache/huggingface/download/data.parquet.metadata", True),
        ("data-00000-of-00001.arrow", False),
        ("train.arrow", False),
        ("state.json", False),
        ("cache.jsonl", False),
        ("templates.json", False),
    ],
)
def test_caches_are_told_from_data(name: str, is_cache: bool) -> None:
    assert hf_folder.is_cache(PurePath(name)) is is_cache


def _cleaned(name: str, content: object) -> dict[str, object]:
    out = hf_folder.cleaned(
        name,
        json.dumps(content).encode(),
        column=lambda column: None if column == "gone" else column.replace("jane@example.com", "[EMAIL]"),
        file=lambda file: file.replace("jane", "x"),
        text=lambda text: text.replace("jane@example.com", "[EMAIL]"),
    )
    assert b"jane" not in out
    assert b"SECRET" not in out
    loaded: dict[str, object] = json.loads(out)
    return loaded


def test_the_state_keeps_its_files_under_their_new_names() -> None:
    state = _cleaned(
        "state.json",
        {
            "_data_files": [{"filename": "/home/SECRET/jane-00000.arrow"}],
            "_fingerprint": "SECRET0123",
            "_format_columns": ["a", "gone", "jane@example.com"],
            "_format_kwargs": {"path": "SECRET"},
            "_format_type": "torch",
            "_split": "train",
        },
    )
    assert state.pop("_fingerprint") not in {"SECRET0123", ""}
    assert state == {
        "_data_files": [{"filename": "x-00000.arrow"}],
        "_format_columns": ["a", "[EMAIL]"],
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": "train",
    }


def test_the_info_keeps_the_features_of_the_columns_that_are_kept() -> None:
    info = _cleaned(
        "dataset_info.json",
        {
            "citation": "SECRET", "description": "SECRET", "homepage": "SECRET", "license": "SECRET",
            "builder_name": "csv", "dataset_name": "people of jane@example.com",
            "download_checksums": {"/home/SECRET/a.csv": {"num_bytes": 1}},
            "features": {"a": {"dtype": "string", "_type": "Value"}, "gone": {"dtype": "string", "_type": "Value"},
                         "l": {"names": ["x", "jane@example.com"], "_type": "ClassLabel"}},
            "splits": {"train": {"name": "train", "num_bytes": 1, "num_examples": 2, "shard_lengths": [2]}},
            "version": {"version_str": "SECRET", "major": 1, "minor": 0, "patch": 0},
        },
    )  # fmt: skip
    assert info == {
        "builder_name": "csv",
        "dataset_name": "people of [EMAIL]",
        "features": {
            "a": {"dtype": "string", "_type": "Value"},
            "l": {"names": ["x", "[EMAIL]"], "_type": "ClassLabel"},
        },
        "splits": {"train": {"name": "train", "num_bytes": 1, "num_examples": 2}},
        "version": {"version_str": "1.0.0", "major": 1, "minor": 0, "patch": 0},
    }
    assert _cleaned("dataset_dict.json", {"splits": ["train", "jane"], "more": "SECRET"}) == {"splits": ["train", "x"]}


@pytest.mark.parametrize("content", [b"{", b"[]", b"[" * 100_000])
def test_what_is_no_description_is_refused(content: bytes) -> None:
    with pytest.raises(CannotClean):
        hf_folder.cleaned("state.json", content, column=str, file=str, text=str)
