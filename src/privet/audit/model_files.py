"""Test `weight-files`: what files of weights carry beside weights, and what they would do when they are loaded.

Invariants:

- Nothing is loaded, unpickled or run: opcodes, heads and texts are read.
- A file that cannot be read is said to be so, and never passed over.
- No name of a file is told but well-known ones, and no value.

The folder `evidence` is what Privet wrote there; hidden folders and what belongs to no model are not looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from privet.audit.endpoint.personal import Personal
from privet.audit.model_gguf import texts_of
from privet.audit.model_pickles import kind_of, names_in
from privet.audit.model_scene import ModelScene, ModelTally
from privet.audit.model_templates import prompts_in
from privet.audit.model_vocabulary import entries_of, personal_in, pieces_of, read_json
from privet.audit.tags_models import onnx, safetensors
from privet.audit.tags_tables import PATH
from privet.errors import BadInput

ID: Final = "weight-files"
_PICKLES: Final = frozenset((".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"))
_KNOWN: Final = frozenset((
    "config.json", "generation_config.json", "adapter_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "vocab.txt", "tokenizer.model", "trainer_state.json", "training_args.bin", "optimizer.pt",
    "optimizer.bin", "scheduler.pt", "pytorch_model.bin", "adapter_model.bin", "chat_template.jinja", "chat_template.json",
    "model.safetensors", "adapter_model.safetensors",
))  # fmt: skip
_OPTIMIZER: Final = re.compile(
    r"(?:optimizer|scaler|zero_pp_rank.*|.*optim_states)\.(?:pt|pth|bin|safetensors)|.*_optim_states\.pt"
)
_OWN_PATH: Final = re.compile(r"(?:/|~/|\.\.?/|[A-Za-z]:[\\/]).+")
_PATH_KEYS: Final = re.compile(r"(?:.*_)?name_or_path|.*_(?:dir|file|path)|best_model_checkpoint")
_AUTHOR: Final = re.compile(r"general\.(?:.*\.)?(?:author|uuid)")
_MAKER: Final = re.compile(
    r"general\.(?:.*\.)?(?:organization|quantized_by|url|repo_url|doi)|general\.(?:source|dataset)\..*"
)
_DATA: Final = frozenset((".jsonl", ".csv", ".tsv", ".parquet", ".arrow"))
_UNREADABLE: Final = frozenset((".h5", ".keras", ".msgpack", ".pb", ".tflite", ".mlmodel", ".npz", ".npy"))
_VOCABULARIES: Final = frozenset(("vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"))
_MOST_TEXT: Final = 1 << 24
_MOST_FILES: Final = 20_000

_FIXES: Final = {
    "a pickle": "Do not load the pickle, and save the weights as safetensors.",
    "training arguments": "Delete training_args.bin and what else tells how and where it was trained.",
    "the state of an optimizer": "Delete states of optimizers: they keep what the last gradients said of the data.",
    "training logs": "Delete the logs of the training: their names and texts tell machines, paths and examples.",
    "a local path": "Take local paths out of the file: they name users, projects and machines.",
    "metadata": "Save the weights again with no metadata in the head but the format.",
    "an author": "Take author and uuid out of the keys, if they are not meant to be published.",
    "a prompt": "Take the prompt out of the chat template: whoever has the weights reads it, and it goes into every conversation.",
    "personal data": "Take what is personal out of the file; a tokenizer that holds it has to be trained again without.",
}


class _Found(NamedTuple):
    """What a file carries: `leaks` fail, `notes` do not."""

    leaks: list[str]
    notes: list[str]


def run(scene: ModelScene, tally: ModelTally) -> None:
    """Look at every file."""
    tally.sampled = False
    looking = _Looking(Personal(scene.detect))
    files = list(_files(scene.path))
    for at, path in enumerate(files):
        scene.step(at, len(files))
        shown = path.name if path.name in _KNOWN else f"*{path.suffix.lower()}"
        try:
            found = looking.look(path)
        except (OSError, ValueError, MemoryError, RecursionError):
            tally.unanswered += 1
            tally.note(f"{shown} cannot be read, so nothing is known of it")
            continue
        if found is None:
            continue
        for note in found.notes:
            tally.note(f"{note} in {shown}")
        leaks = list(dict.fromkeys(found.leaks))
        for leak in leaks:
            tally.fixes.extend(fix for kind, fix in _FIXES.items() if leak.startswith(kind) and fix not in tally.fixes)
        tally.sample(*(f"{leak} in {shown}" for leak in leaks))
    if tally.unanswered:
        tally.underpowered("a file could not be read")


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    count = 0
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (Path(folder) != path or name != "evidence")
        )
        for name in sorted(names):
            count += 1
            if count > _MOST_FILES:
                raise BadInput("the folder holds too many files for a model", hint="name the folder of one model")
            yield Path(folder, name)


class _Looking:
    """Looks at one file after the other; one detector for all."""

    def __init__(self, personal: Personal) -> None:
        self._personal = personal

    def look(self, path: Path) -> _Found | None:
        """Return what a file carries, or nothing where it belongs to no model.

        Raises:
            ValueError: it is damaged.

        """
        name, suffix = path.name.lower(), path.suffix.lower()
        read = _logs if "tfevents" in name else self._reader(name, suffix)
        if read is None:
            return None
        found = _Found([], [])
        read(path, found)
        if _OPTIMIZER.fullmatch(name):
            found.leaks.append("the state of an optimizer")
        return found

    def _reader(self, name: str, suffix: str) -> Callable[[Path, _Found], None] | None:
        if name in _VOCABULARIES:
            return self._vocabulary
        return {
            **dict.fromkeys(_PICKLES, _pickle),
            **dict.fromkeys(_DATA, _data),
            **dict.fromkeys(_UNREADABLE, _unread),
            **dict.fromkeys((".yaml", ".yml", ".toml"), self._plain),
            ".safetensors": self._safetensors,
            ".gguf": self._gguf,
            ".onnx": _onnx,
            ".json": self._json,
            ".jinja": self._jinja,
        }.get(suffix)

    def _safetensors(self, path: Path, found: _Found) -> None:
        with path.open("rb") as stream:
            for tag in safetensors(stream):
                found.leaks.append("metadata")
                self._said(tag.text, found)

    def _gguf(self, path: Path, found: _Found) -> None:
        with path.open("rb") as stream:
            for key, texts in texts_of(stream):
                if key.startswith("tokenizer.ggml."):
                    if key == "tokenizer.ggml.tokens":
                        self._entries(texts, found)
                elif key.startswith("tokenizer.chat_template"):
                    for text in texts:
                        self._template(text, found)
                else:
                    self._key(key, "\n".join(texts), found)

    def _key(self, key: str, text: str, found: _Found) -> None:
        if not text.strip():
            return
        if _AUTHOR.fullmatch(key):
            found.leaks.append("an author")
        elif _MAKER.fullmatch(key):
            found.notes.append("who made it")
        self._said(text, found)

    def _plain(self, path: Path, found: _Found) -> None:
        self._said(_text(path), found)

    def _jinja(self, path: Path, found: _Found) -> None:
        self._template(_text(path), found)

    def _vocabulary(self, path: Path, found: _Found) -> None:
        self._entries(_pieces(path), found)

    def _json(self, path: Path, found: _Found) -> None:
        name = path.name.lower()
        with path.open("rb") as stream:
            document = read_json(stream)
        if name in {
            "tokenizer.json",
            "vocab.json",
            "added_tokens.json",
            "special_tokens_map.json",
            "tokenizer_config.json",
        }:
            self._entries(entries_of(document), found)
        if name == "trainer_state.json":
            found.notes.append("the course of the training")
        if name in {"tokenizer.json", "vocab.json"} or name.endswith(".index.json"):
            return
        texts: list[str] = []
        for key, value in _strings(document):
            if "chat_template" in key or (key == "template" and "tokenizer" in name):
                self._template(value, found)
            else:
                texts.append(value)
                if _PATH_KEYS.fullmatch(key) and _OWN_PATH.fullmatch(value):
                    found.leaks.append("a local path")
        self._said("\n".join(texts), found)

    def _template(self, text: str, found: _Found) -> None:
        kinds = set(prompts_in(text))
        if "own" in kinds:
            found.leaks.append("a prompt of its own")
        if "unread" in kinds:
            raise ValueError("a template cannot be parsed")
        if "stock" in kinds:
            found.notes.append("a stock prompt")
        self._said(text, found)

    def _entries(self, entries: Any, found: _Found) -> None:
        for kind, count in sorted(personal_in(entries, self._personal).items()):
            found.leaks.append(f"personal data of the kind {kind} ({count} entries)")

    def _said(self, text: str, found: _Found) -> None:
        if PATH.search(text):
            found.leaks.append("a local path")
        found.leaks.extend(f"personal data of the kind {kind}" for kind in sorted(self._personal.found(text)))


def _logs(_path: Path, found: _Found) -> None:
    found.leaks.append("training logs")


def _data(_path: Path, found: _Found) -> None:
    found.notes.append("data, which `privet audit dataset` looks at,")


def _unread(_path: Path, _found: _Found) -> None:
    raise ValueError("a form that is not read")


def _onnx(path: Path, found: _Found) -> None:
    with path.open("rb") as stream:
        found.leaks.extend("metadata" for tag in onnx(stream) if tag.personal)


def _pickle(path: Path, found: _Found) -> None:
    with path.open("rb") as stream:
        names = names_in(stream)
    if names is None:
        # ggml, TensorFlow and plain numbers end in .bin and .ckpt too.
        if path.suffix.lower() not in {".bin", ".ckpt"}:
            raise ValueError("no pickle")
        found.notes.append("a form that is no pickle")
        return
    kinds = {kind_of(name) for name in names}
    if "runs" in kinds:
        found.leaks.append("a pickle that can start programs")
    if path.name == "training_args.bin":
        found.leaks.append("training arguments")
    elif "other" in kinds:
        found.leaks.append("a pickle of more than tensors")
    elif "runs" not in kinds:
        found.notes.append("a pickle of tensors alone, which safetensors would do without,")


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        raw = stream.read(_MOST_TEXT + 1)
    if len(raw) > _MOST_TEXT:
        raise ValueError("the file is too large")
    return raw.decode("utf-8", "replace")


def _pieces(path: Path) -> list[str]:
    if path.suffix == ".txt":
        return _text(path).splitlines()
    with path.open("rb") as stream:
        return list(pieces_of(stream.read(_MOST_TEXT)))


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a JSON value with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)
