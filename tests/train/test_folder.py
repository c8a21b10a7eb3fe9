"""A model's folder: private, cleaned before it is in place, and the author's card as it was."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from privet.errors import Unprotected
from privet.train.folder import private_folder


def test_what_is_written_is_cleaned_and_moved(tmp_path: Path) -> None:
    folder, base = tmp_path / "model", tmp_path / "base"
    base.mkdir()
    folder.mkdir(mode=0o755)
    (folder / "README.md").write_text("mine")
    (folder / "config.json").write_text("old")
    with private_folder(folder) as beside:
        (beside / "README.md").write_text(f"base_model: {base}")
        (beside / "config.json").write_text(
            json.dumps({"_name_or_path": str(base), "deep": {"vocab_file": f"{base}/vocab.txt"}, "n": 1.50})
        )
        (beside / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
        (beside / "tokenizer.json").write_text('{"model": {"vocab": {"/root/x": 1}}}')
        (beside / "more").mkdir()
        (beside / "more" / "model.safetensors").write_bytes(b"x")
        assert list(folder.glob("*.json")) == [folder / "config.json"]
    assert (folder / "README.md").read_text() == "mine"
    assert json.loads((folder / "config.json").read_text()) == {
        "_name_or_path": None,
        "deep": {"vocab_file": "vocab.txt"},
        "n": 1.5,
    }
    assert json.loads((folder / "adapter_config.json").read_text()) == {"base_model_name_or_path": None}
    assert "/root/x" in (folder / "tokenizer.json").read_text()
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "config.json", "adapter_config.json", "tokenizer.json", "more",
    }  # fmt: skip
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "more").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["owner/model", "gpt2"])
def test_names_of_models_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with private_folder(tmp_path / "model") as beside:
        (beside / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": name}))
    assert json.loads((tmp_path / "model" / "adapter_config.json").read_text())["base_model_name_or_path"] == name
    (tmp_path / name).mkdir(parents=True)
    with private_folder(tmp_path / "model") as beside:
        (beside / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": name}))
    assert json.loads((tmp_path / "model" / "adapter_config.json").read_text())["base_model_name_or_path"] is None


def test_where_something_fails_nothing_is_moved(tmp_path: Path) -> None:
    def fail() -> None:
        with private_folder(tmp_path / "model") as beside:
            (beside / "config.json").write_text("{")

    with pytest.raises(Unprotected, match=r"config\.json cannot be cleaned"):
        fail()
    assert not list((tmp_path / "model").iterdir())
