"""Weight files: digests, what is refused beside them, and whether what was saved is what was trained."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from privet.errors import Unprotected
from privet.train.weights import check_saved, digests, metadata_of, refuse_others, save_plain


def test_digests_are_of_weight_files_alone(tmp_path: Path) -> None:
    for name in ("b.safetensors", "a.gguf", "config.json", "x.bin"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "evidence.pt").mkdir()
    found = digests(tmp_path)
    assert list(found) == ["a.gguf", "b.safetensors", "x.bin"]
    assert found["a.gguf"] == hashlib.sha256(b"a.gguf").hexdigest()


def test_other_files_and_talkative_headers_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"format": "pt"})
    refuse_others(tmp_path)
    save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"format": "pt", "author": "x"})
    with pytest.raises(Unprotected, match=r"header of model\.safetensors"):
        refuse_others(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "training_args.bin").touch()
    with pytest.raises(Unprotected, match=r"training_args\.bin"):
        refuse_others(tmp_path)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.head.weight = self.words.weight
        self.still = nn.Linear(3, 3).to(torch.bfloat16)
        self.scale = nn.Parameter(torch.ones(()))


@pytest.mark.parametrize("changed", ["words", "still", "scale", ""])
def test_what_is_saved_is_compared_bit_by_bit(tmp_path: Path, changed: str) -> None:
    model = Tied()
    save_plain(model, tmp_path)
    assert metadata_of(tmp_path / "model.safetensors") == {"format": "pt"}
    if not changed:
        check_saved(tmp_path, model)
        return
    with torch.no_grad():
        next(each for name, each in model.named_parameters() if name.startswith(changed)).view(-1)[0] += 1
    with pytest.raises(Unprotected, match=f"{changed}.*in 1 tensors"):
        check_saved(tmp_path, model)
    check_saved(tmp_path, model, lambda: model)


def test_of_a_model_that_is_frozen_everything_is_compared(tmp_path: Path) -> None:
    model = Tied().requires_grad_(requires_grad=False)
    save_plain(model, tmp_path)
    model.scale.data += 1
    with pytest.raises(Unprotected, match="scale"):
        check_saved(tmp_path, model)
