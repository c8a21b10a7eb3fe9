"""Weight files: their digests, and whether what stands in them is what was trained.

Invariants:

- Every trainable tensor of the model is in a file bit by bit, or the model that is loaded from the files has it; else saving fails.
- Beside the tensors a safetensors header says `format` and nothing else.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from torch import Tensor, nn

from privet.errors import Unprotected
from privet.evidence import file_digest
from privet.train.folder import private_folder

_ENDINGS: Final = (".safetensors", ".gguf", ".bin", ".pt")
_UNSAFE: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def save(model: Any, folder: Path, tokens: Any, *, whole: bool) -> None:
    """Write a model, and its tokenizer where it has one, to a private folder. `whole`: all weights, so that it can be loaded alone.

    Raises:
        Unprotected: what was saved is not what was trained, or a file cannot be cleaned; nothing was put in place.

    """
    with private_folder(folder) as beside:
        if hasattr(model, "save_pretrained"):
            model.save_pretrained(beside)
        else:
            save_plain(model, beside)
        if tokens is not None:
            tokens.save_pretrained(beside)
        refuse_others(beside)
        load = getattr(type(model), "from_pretrained", None) if whole else None
        check_saved(beside, model, load and partial(load, beside, local_files_only=True))


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each weight file of a folder itself, by name, in order."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in _ENDINGS and path.is_file():
            with path.open("rb") as file:
                found[path.name] = file_digest(file)
    return found


def refuse_others(folder: Path) -> None:
    """Refuse files that hold programs beside tensors, and headers that say more than a format.

    Raises:
        Unprotected: there is one.

    """
    for path in sorted(folder.iterdir()):
        if path.suffix in _UNSAFE:
            raise Unprotected(
                f"the model would be saved with {path.name}, which is not safetensors", hint="save into an empty folder"
            )
        if path.suffix == ".safetensors" and set(metadata_of(path)) - {"format"}:
            raise Unprotected(f"the header of {path.name} says more than a format", hint="report the model's class")


def metadata_of(path: Path) -> dict[str, str]:
    """Return what the header of a safetensors file says beside its tensors."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length)).get("__metadata__") or {}


def check_saved(folder: Path, model: nn.Module, load: Callable[[], nn.Module] | None = None) -> None:
    """Compare what was saved with the model, tensor by tensor; `load` loads it where files name or cut tensors otherwise.

    Raises:
        Unprotected: a trained tensor is not in the files.

    """
    saved = {_digest(tensor) for path in sorted(folder.glob("*.safetensors")) for tensor in _tensors(path)}
    missing = _missing(model, saved)
    if missing and load is not None:
        missing = _missing(model, {_digest(each) for each in load().parameters()})
    if missing:
        raise Unprotected(
            f"{missing[0]}: what was trained is not what was saved, in {len(missing)} tensors",
            hint="the adapter or the model's class leaves trainable parameters out: name them in modules_to_save",
        )


def _missing(model: nn.Module, saved: set[bytes]) -> list[str]:
    named = list(model.named_parameters())
    # Once adapters are merged nothing is trainable any more, and everything was trained.
    trained = [each for each in named if each[1].requires_grad] or named
    return [name for name, each in trained if _digest(each) not in saved]


def _tensors(path: Path) -> Iterable[Tensor]:
    with safe_open(path, "pt") as file:
        for name in file.keys():  # noqa: SIM118 - no mapping
            yield file.get_tensor(name)


def _digest(tensor: Tensor) -> bytes:
    held = tensor.detach().cpu().contiguous()
    state = sha256(f"{held.dtype} {tuple(held.shape)}".encode())
    state.update(held.reshape(-1).view(torch.uint8).numpy().data if held.numel() else b"")
    return state.digest()


def save_plain(model: Any, folder: Path) -> None:
    """Write a model that has no `save_pretrained` as one safetensors file; tensors that are shared are written once."""
    from safetensors.torch import save_file

    kept: dict[str, Tensor] = {}
    seen: set[tuple[int, torch.Size, tuple[int, ...]]] = set()
    for name, tensor in model.state_dict().items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if place not in seen or not tensor.numel():
            seen.add(place)
            kept[name] = tensor.detach().contiguous()
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
