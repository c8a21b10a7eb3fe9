"""The small JSON files beside a model: texts rewritten, local paths reduced to their last part, tokens left out.

Invariants:

- Numbers, order, indentation and everything between the texts stay byte for byte; a text that does not change keeps its escapes.
- A path on somebody's machine is never written whole, whatever its key.
- The words of a tokenizer's vocabulary stay: they are the model, not about anyone. Addresses and numbers in it get other names; a file
  with such ones is written anew (`vocabulary`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple

from privet.metadata import vocabulary
from privet.metadata.job import CannotClean, Job
from privet.metadata.local_paths import last_part, reduced
from privet.metadata.pieces import size_of

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]')
_PATH_KEYS: Final = frozenset((
    "_name_or_path", "base_model_name_or_path", "name_or_path", "model_name_or_path", "tokenizer_name_or_path",
    "best_model_checkpoint", "output_dir", "logging_dir", "run_name", "cache_dir", "data_dir", "deepspeed",
    "tokenizer_file", "vocab_file", "merges_file", "resume_from_checkpoint", "hub_model_id",
))  # fmt: skip
_FOLDERS: Final = frozenset(("logging_dir", "output_dir", "run_name"))
_SECRET_KEYS: Final = frozenset(
    ("hub_token", "push_to_hub_token", "use_auth_token", "token_file", "api_key", "auth_token")
)
_VOCABULARY: Final = frozenset(("vocab", "merges"))
# A path from the root of a disk, from home, or from here upwards.
_LOCAL: Final = re.compile(r"(?:file://|[A-Za-z]:[\\/]|\\\\|~|/|\.\.?[\\/])[^\n]*")
_REMOTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_NAMES: Final = re.compile(
    r"(?:adapter_|tokenizer_|generation_|preprocessor_|processor_|image_processor_|feature_extractor_|quantize_|quantization_|sentence_bert_)?config"
    r"|config_sentence_transformers|modules|trainer_state|training_args|(?:all|train|eval|predict)_results|special_tokens_map|added_tokens"
    r"|tokenizer|vocab|chat_template|.*\.(?:safetensors|bin)\.index"
)
_TOKENS_MIN: Final = 256
"""tokens of the smallest vocabulary: one for every byte"""


class _Text(NamedTuple):
    start: int
    end: int
    value: str
    key: str
    """the nearest key above a value"""
    is_key: bool


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write the JSON with its texts rewritten."""
    if size_of(source) > job.limits.max_record_bytes:
        raise CannotClean("too long for one JSON value")
    raw = source.read()
    try:
        text = raw.decode("utf-8-sig")
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotClean("not valid JSON") from error
    is_vocabulary = _is_vocabulary(value)
    if is_vocabulary or _has_tokens(value):
        text = vocabulary.rewritten_json(text, job) or text
    target.write((text if is_vocabulary else _cleaned(text, job)).encode("utf-8"))


def is_model_json(name: str) -> bool:
    """Say whether a file's name is one of those that stand beside a model.

    >>> is_model_json("run/adapter_config.json"), is_model_json("model.safetensors.index.json"), is_model_json("rows.json")
    (True, True, False)
    """
    base, dot, ending = name.rpartition("/")[2].rpartition(".")
    return bool(dot) and ending == "json" and _NAMES.fullmatch(base) is not None


def _is_vocabulary(value: Any) -> bool:
    """Say whether this is a `vocab.json`: tokens, each with a number of its own, hardly one left out."""
    if not isinstance(value, dict) or len(value) < _TOKENS_MIN:
        return False
    numbers = set(value.values()) if all(type(number) is int for number in value.values()) else set()
    return len(numbers) == len(value) and min(numbers) >= 0 and max(numbers) < 2 * len(value)


def _has_tokens(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    is_numbered = all(type(number) is int for number in value.values())  # as `added_tokens.json` is
    return is_numbered or not value.keys().isdisjoint(("model", "added_tokens", "added_tokens_decoder"))


def _cleaned(text: str, job: Job) -> str:
    found = list(_texts(text, job.limits.max_depth * 32))
    keys = iter(job.rewrite([item.value for item in found if item.is_key], "key"))
    values = iter(job.rewrite([_reduced(item.value, item.key, job) for item in found if not item.is_key], "value"))
    pieces: list[str] = []
    last = 0
    for item in found:
        after = next(keys if item.is_key else values)
        if after != item.value:
            pieces += (text[last : item.start], json.dumps(after, ensure_ascii=False))
            last = item.end
    return "".join((*pieces, text[last:]))


def _texts(text: str, deepest: int) -> Iterator[_Text]:
    """Yield every string of valid JSON but those of a vocabulary."""
    # For each open bracket: the nearest key above it, whether it is an object's, whether it lies in a vocabulary.
    above: list[tuple[str, bool, bool]] = [("", False, False)]
    key, is_key = "", False
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign[0] == '"':
            value = sign[1:-1] if "\\" not in sign else json.loads(sign)
            if not above[-1][2]:
                yield _Text(token.start(), token.end(), value, key, is_key)
            if is_key:
                key = value
        elif sign == ":":
            is_key = False
        elif sign == ",":
            key, is_key = above[-1][0], above[-1][1]
        elif sign in "{[":
            if len(above) > deepest:
                raise CannotClean("nested too deep")
            above.append((key, sign == "{", above[-1][2] or key in _VOCABULARY))
            is_key = sign == "{"
        else:
            above.pop()
            is_key = False


def _reduced(value: str, name: str, job: Job) -> str:
    if name in _SECRET_KEYS:
        job.dropped("token", int(bool(value)))
        return ""
    new = reduced(value)
    if name in _PATH_KEYS and not _REMOTE.match(value):
        # `organisation/model` is a public address, not a path.
        is_path = bool(_LOCAL.fullmatch(value)) or "\\" in value or value.count("/") > 1 or name in _FOLDERS
        new = last_part(value) if is_path else value
    job.dropped("local path", int(new != value))
    return new
