"""The file that `privet train` is given: every key, its type, its default, and what it does.

Invariants:

- Unknown tables and keys, wrong types and missing keys are errors that name the file, the line and the remedy.
- Relative paths are relative to the file, wherever the command is run.
- Reading looks at the file alone; whether what it names is there is looked at by `check_paths`, before anything is loaded.

docs/train-config.md is made from `KEYS`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from privet.errors import BadInput
from privet.policy_tables import line_of, suggest

Method = Literal["lora", "full"]
Tier = Literal["patterns", "names", "deep"]
LEDGER: Final = "privet-ledger.json"
_MICRO: Final = 8
_MOST: Final = 10**9


class Key(NamedTuple):
    """One key. `default` is None where there is none; `choices` are all values that a text may have."""

    kind: type
    default: object
    says: str
    choices: tuple[str, ...] = ()
    needed: bool = False


KEYS: Final = {
    "model.path": Key(Path, None, "a folder with safetensors, or a GGUF file, which is unpacked for training", needed=True),
    "data.path": Key(Path, None, "JSON lines, Parquet or CSV (`.jsonl`, `.parquet`, `.csv`), one example a row", needed=True),
    "data.text": Key(str, None, "the column of texts; without it and `messages`, the one of the two that the data has"),
    "data.messages": Key(str, None, "the column of conversations: lists of `{role, content}`, put together by the model's own template"),
    "data.subject": Key(str, None, "the column that says whose a row is: epsilon then holds for the subject. Its values go nowhere else"),
    "data.id": Key(str, None, "the dataset's name in the ledger and the evidence; without it, the file's name where that names nobody"),
    "data.tier": Key(str, "names", "how deep identifiers are looked for", ("patterns", "names", "deep")),
    "privacy.epsilon": Key(float, 8.0, "what this run may spend; the noise follows from it"),
    "privacy.delta": Key(float, None, "at most 1e-5, and 1/n² of n examples; without it, the largest that is allowed"),
    "privacy.max_grad_norm": Key(float, 1.0, "the clipping norm of one unit's gradient"),
    "privacy.method": Key(str, "lora", "adapters, or all weights", ("lora", "full")),
    "privacy.ledger": Key(Path, LEDGER, "the signed file that adds up what a dataset has spent, and refuses a run beyond its budget"),
    "train.steps": Key(int, None, "optimizer steps; without it, `epochs`"),
    "train.epochs": Key(float, 3.0, "how often each unit is drawn on average"),
    "train.batch_size": Key(int, 32, "units of privacy in a batch, on average: with a subject column, subjects"),
    "train.micro_batch_size": Key(int, None, "examples computed at once; `batch_size` is a multiple of it. Without it, at most 8"),
    "train.learning_rate": Key(float, 5e-4, "of AdamW; it falls to 0 over the run"),
    "train.sequence_length": Key(int, 512, "tokens an example has at most; longer ones are cut, and counted"),
    "train.seed": Key(int, 0, "of new adapters and dropout; noise and sampling come from the system, whatever it is"),
    "train.save_steps": Key(int, 100, "a checkpoint every so many steps, from which the same command goes on once it was stopped; 0: none"),
    "canaries.count": Key(int, 0, "made-up secrets to plant, and as many controls kept out, for `privet audit model`, which needs 100"),
    "output.path": Key(Path, None, "the folder for weights, tokenizer and evidence; it is made, and must not hold anything", needed=True),
    "output.merge": Key(bool, True, "adapters become part of the weights, and the folder is a whole model; false: adapters alone"),
}  # fmt: skip
_TABLES: Final = tuple(dict.fromkeys(name.split(".")[0] for name in KEYS))


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What is to be trained, on what, how. `name` and `lines` say where in which file each key stands."""

    model: Path
    data: Path
    output: Path
    text: str | None = None
    messages: str | None = None
    subject: str | None = None
    dataset_id: str | None = None
    tier: Tier = "names"
    epsilon: float = 8.0
    delta: float | None = None
    max_grad_norm: float = 1.0
    method: Method = "lora"
    ledger: Path | None = None
    steps: int | None = None
    epochs: float = 3.0
    batch_size: int = 32
    micro_batch_size: int = _MICRO
    learning_rate: float = 5e-4
    sequence_length: int = 512
    seed: int = 0
    save_steps: int = 100
    canaries: int = 0
    merge: bool = True
    name: str = "config"
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    def where(self, key: str) -> str:
        """Return file and line of a key, for an error."""
        return f"{self.name}:{self.lines[key]}" if key in self.lines else self.name

    @property
    def canary_file(self) -> Path:
        """Where planted secrets and controls are written: beside the output, so that they are not published with it."""
        return self.output.with_name(f"{self.output.name}-canaries.jsonl")

    @property
    def unfinished(self) -> Path:
        """Where a run that is not done yet keeps its checkpoints."""
        return self.output.with_name(f".{self.output.name}-unfinished")


def read_config(path: Path) -> TrainConfig:
    """Return what a file says.

    Raises:
        BadInput: it cannot be read, or a key of it is not usable; the message names the line.

    """
    name = path.name
    try:
        source = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadInput(f"{name} does not exist", hint="name a file, or try privet train --demo") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{name} cannot be read as UTF-8 text", hint="check its permissions and encoding") from error
    try:
        document = tomllib.loads(source)
    except (ValueError, RecursionError) as error:
        said = re.search(r"line (\d+)", str(error)) if isinstance(error, tomllib.TOMLDecodeError) else None
        line = said[1] if said else source.count("\n") + 1
        raise BadInput(f"{name}:{line}: not valid TOML", hint="correct this line; see docs/train-config.md") from error
    return _config(document, source, name, path.absolute().parent)


def _config(document: Mapping[str, Any], source: str, name: str, folder: Path) -> TrainConfig:
    values: dict[str, Any] = {}
    lines = {key: line_of(source, key) for key in KEYS}
    for table, body in document.items():
        where = f"{name}:{line_of(source, table)}"
        if table not in _TABLES or not isinstance(body, dict):
            raise BadInput(f"{where}: unknown table [{table}]", hint=suggest(table, _TABLES))
        known = tuple(key.split(".")[1] for key in KEYS if key.startswith(f"{table}."))
        for key, value in body.items():
            where = f"{name}:{line_of(source, f'{table}.{key}')}"
            if key not in known:
                raise BadInput(f"{where}: unknown key {key} in [{table}]", hint=suggest(key, known))
            values[f"{table}.{key}"] = _typed(f"{table}.{key}", value, where, folder)
    for key, held in KEYS.items():
        if held.needed and key not in values:
            table, _, short = key.partition(".")
            raise BadInput(f"{name}:{lines[key]}: [{table}] has no {short}", hint=f"it is {held.says}")
    return _together(values, name, lines, folder)


def _typed(key: str, value: Any, where: str, folder: Path) -> Any:
    """Return a value in the type of its key."""
    known = KEYS[key]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if known.kind is bool:
        fits, expected = isinstance(value, bool), "true or false"
    elif known.choices:
        fits, expected = value in known.choices, f"one of {', '.join(known.choices)}"
    elif known.kind is int:
        least = 0 if key in ("train.seed", "train.save_steps", "canaries.count") else 1
        fits = is_number and isinstance(value, int) and least <= value < _MOST
        expected = f"a whole number of at least {least}"
    elif known.kind is float:
        fits, expected = is_number and math.isfinite(value) and value > 0, "a number above 0"
    else:
        fits, expected = isinstance(value, str) and bool(value.strip()) and "\0" not in value, "a text in quotes"
    if not fits:
        raise BadInput(f"{where}: {key} is not {expected}", hint=f"it is {known.says}")
    if known.kind is Path:
        return _path(value, where, folder)
    return known.kind(value)


def _path(value: str, where: str, folder: Path) -> Path:
    try:
        return folder / Path(value).expanduser()
    except RuntimeError as error:
        raise BadInput(f"{where}: nobody has the home folder that the path names", hint="write it in full") from error


def _together(values: dict[str, Any], name: str, lines: Mapping[str, int], folder: Path) -> TrainConfig:
    """Return the whole, where its keys go together."""
    for one, other in (("data.text", "data.messages"), ("train.steps", "train.epochs")):
        if one in values and other in values:
            raise BadInput(f"{name}:{lines[other]}: {one} and {other} are both there", hint="leave one of the two out")

    def of(key: str) -> Any:
        return values.get(key, KEYS[key].default)

    batch = of("train.batch_size")
    micro = of("train.micro_batch_size") or next(size for size in range(min(_MICRO, batch), 0, -1) if batch % size == 0)
    if batch % micro:
        key = "train.micro_batch_size"
        raise BadInput(
            f"{name}:{lines[key]}: batch_size {batch} is no multiple of {micro}", hint="leave micro_batch_size out"
        )
    return TrainConfig(
        model=of("model.path"),
        data=of("data.path"),
        output=of("output.path"),
        text=of("data.text"),
        messages=of("data.messages"),
        subject=of("data.subject"),
        dataset_id=of("data.id"),
        tier=of("data.tier"),
        epsilon=of("privacy.epsilon"),
        delta=of("privacy.delta"),
        max_grad_norm=of("privacy.max_grad_norm"),
        method=of("privacy.method"),
        ledger=values.get("privacy.ledger", folder / LEDGER),
        steps=of("train.steps"),
        epochs=of("train.epochs"),
        batch_size=batch,
        micro_batch_size=micro,
        learning_rate=of("train.learning_rate"),
        sequence_length=of("train.sequence_length"),
        seed=of("train.seed"),
        save_steps=of("train.save_steps"),
        canaries=of("canaries.count"),
        merge=of("output.merge"),
        name=name,
        lines=lines,
    )


def check_paths(config: TrainConfig) -> None:
    """Look whether what the file names is there, and what it writes is free.

    Raises:
        BadInput: it is not; the message names the line.

    """
    where = config.where("model.path")
    if not config.model.exists():
        raise BadInput(f"{where}: the model {config.model.name} does not exist", hint="correct model.path")
    if config.model.is_dir():
        if not (config.model / "config.json").is_file() or not any(config.model.glob("*.safetensors")):
            raise BadInput(
                f"{where}: the model {config.model.name} holds no config.json with safetensors",
                hint="other formats may run code when they are loaded: convert it, or name a GGUF file",
            )
    elif config.model.suffix.lower() != ".gguf":
        raise BadInput(f"{where}: the model is no GGUF file", hint="name a .gguf, or a folder with safetensors")
    if not config.data.is_file():
        raise BadInput(
            f"{config.where('data.path')}: the data {config.data.name} does not exist", hint="correct data.path"
        )
    if config.ledger is not None and not config.ledger.parent.is_dir():
        raise BadInput(f"{config.where('privacy.ledger')}: the ledger's folder does not exist", hint="make it first")
    check_output(config)


def check_output(config: TrainConfig) -> None:
    """Look whether the output can be written without writing over anything.

    Raises:
        BadInput: something is there.

    """
    out, where = config.output, config.where("output.path")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{where}: the output {out.name} is there already", hint="name a new folder, or remove it")
    if not out.parent.is_dir():
        raise BadInput(f"{where}: the folder that the output goes into does not exist", hint="make it first")
    if config.canaries and config.canary_file.exists():
        raise BadInput(
            f"{where}: {config.canary_file.name} is there already, with the secrets of another model",
            hint="move it away, or name another output",
        )


def config_table() -> str:
    """Return docs/train-config.md's table of keys."""
    lines = ["| key | default | what it is |", "|---|---|---|"]
    for key, known in KEYS.items():
        default = "needed" if known.needed else "" if known.default is None else f"`{_written(known.default)}`"
        choices = f" ({', '.join(f'`{one}`' for one in known.choices)})" if known.choices else ""
        lines.append(f"| `{key}` | {default} | {known.says}{choices} |")
    return "\n".join(lines) + "\n"


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
