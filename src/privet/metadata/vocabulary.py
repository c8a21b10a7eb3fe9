"""The vocabulary of a tokenizer: entries that are somebody's address or number get another name, and keep their place.

Invariants:

- As many entries as before, each with the id or the score it had, no two alike: a model loads and counts as it did.
- Words stay, names among them: they are the language that the model speaks. Only what has the shape of an address or a number of
  somebody is looked at, and tokens that somebody added whole.
- A merge that makes such an entry goes, as what it makes has no name that two parts could have; nobody writes that token any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.metadata.pieces import size_of

_SHAPE: Final = re.compile(r"[\w.+-]@[\w-]+\.\w|\d(?:[ ()./-]{0,2}\d){6}|://\S")
_SPACES: Final = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n"})
"""how tokenizers write white space (byte-level BPE, SentencePiece)"""

_TOKENS_MIN: Final = 256
"""tokens of the smallest vocabulary: one for every byte"""
_MERGES_BEGIN: Final = "#version"


def is_token_list(name: str, head: bytes) -> bool:
    r"""Tell whether a text is the `vocab.txt` or `merges.txt` of a tokenizer, by its name and its first lines.

    >>> is_token_list("m/vocab.txt", b"\n".join(b"w%d" % n for n in range(300))), is_token_list("vocab.txt", b"der Hund\tthe dog\n")
    (True, False)
    >>> is_token_list("merges.txt", b"#version: 0.2\nt h\nth e\n")
    True
    """
    base = name.rpartition("/")[2]
    lines = head.decode("utf-8", "replace").splitlines()
    if base == "merges.txt":
        return (
            bool(lines)
            and lines[0].startswith(_MERGES_BEGIN)
            and all(len(line.split(" ")) == 2 for line in lines[1:-1])
        )
    tokens = lines[:-1]
    return (
        base == "vocab.txt"
        and len(tokens) >= _TOKENS_MIN
        and not any(map(_has_space, tokens))
        and len(set(tokens)) == len(tokens)
    )


def _has_space(line: str) -> bool:
    return " " in line or "\t" in line


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a list of tokens or merges: a line is an entry, its number the id of a token."""
    if size_of(source) > job.limits.max_record_bytes:
        raise CannotClean("too long for a vocabulary")
    try:
        lines = source.read().decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise CannotClean("not valid UTF-8") from error
    if lines[0].startswith(_MERGES_BEGIN):
        made = ["".join(line.rstrip("\r").split(" ")) for line in lines]
        names = renamed({token: number for number, token in enumerate(made)}, {}, job)
        kept = [line for line, token in zip(lines, made, strict=True) if token not in names]
    else:
        bare = [line.rstrip("\r") for line in lines]
        names = renamed({token: number for number, token in enumerate(bare)}, {}, job)
        kept = [
            names[token] + line[len(token) :] if token in names else line
            for line, token in zip(lines, bare, strict=True)
        ]
    target.write("\n".join(kept).encode())


def renamed(tokens: Mapping[str, int], added: Mapping[str, int], job: Job) -> dict[str, str]:
    """Return the new names of tokens that hold an identifier. Both map a token to its id; `added` are those that somebody added whole."""
    known = {token: number for token, number in tokens.items() if _SHAPE.search(token)} | dict(added)
    spoken = [token.translate(_SPACES) for token in known]
    out: dict[str, str] = {}
    for (token, number), before, after in zip(known.items(), spoken, job.rewrite(spoken, "token"), strict=True):
        if after != before:
            # The id makes it a name of its own, the same one in every file of the tokenizer.
            name = f"{after.strip()}#{number}"
            while name in tokens or name in added:
                name += "#"
            out[token] = name
    return out


def rewrite(value: Any, job: Job) -> bool:
    """Rename tokens in a parsed `tokenizer.json`, `vocab.json` or `tokenizer_config.json`; tell whether anything changed."""
    vocabulary = _vocabulary(value)
    added = list(_added(value))
    names = renamed(_ids(vocabulary), {entry["content"]: number for number, entry in added}, job)
    if not names:
        return False
    for _, entry in added:
        entry["content"] = names.get(entry["content"], entry["content"])
    if isinstance(vocabulary, dict):
        entries = list(vocabulary.items())
        vocabulary.clear()
        vocabulary.update((names.get(token, token), number) for token, number in entries)
    else:
        for scored in vocabulary:
            scored[0] = names.get(scored[0], scored[0])
    model = value.get("model")
    if isinstance(model, dict) and isinstance(model.get("merges"), list):
        model["merges"] = [merge for merge in model["merges"] if not is_gone(merge, names)]
    return True


def rewritten_json(text: str, job: Job) -> str | None:
    """Return a tokenizer in JSON with its tokens renamed, or None where nothing changes. What is no JSON holds no tokens."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not rewrite(value, job):
        return None
    return json.dumps(value, ensure_ascii=False, indent=2 if "\n" in text.strip() else None)


def is_gone(merge: str | Sequence[str], names: Mapping[str, str]) -> bool:
    """Tell whether a merge makes or takes a token that was renamed.

    >>> is_gone("jane@ example.com", {"jane@example.com": "[EMAIL_ADDRESS]#7"}), is_gone(["a", "b"], {"abc": "[X]#1"})
    (True, False)
    """
    parts = merge.split(" ") if isinstance(merge, str) else merge
    return "".join(parts) in names or any(part in names for part in parts)


def _vocabulary(value: Any) -> dict[str, int] | list[list[Any]]:
    if not isinstance(value, dict):
        return {}
    if value and all(type(number) is int for number in value.values()):
        return value
    model = value.get("model")
    found = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(found, dict) and all(type(number) is int for number in found.values()):
        return found
    is_scored = isinstance(found, list) and all(
        isinstance(entry, list) and entry and isinstance(entry[0], str) for entry in found
    )
    return found if is_scored and found else {}


def _ids(vocabulary: dict[str, int] | list[list[Any]]) -> Mapping[str, int]:
    return vocabulary if isinstance(vocabulary, dict) else {entry[0]: number for number, entry in enumerate(vocabulary)}


def _added(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield tokens that were added, with their ids: a list in `tokenizer.json`, an object in `tokenizer_config.json`."""
    if not isinstance(value, dict):
        return
    listed, numbered = value.get("added_tokens"), value.get("added_tokens_decoder")
    pairs = (
        [(entry.get("id"), entry) for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    )
    pairs += numbered.items() if isinstance(numbered, dict) else ()
    for number, entry in pairs:
        if isinstance(entry, dict) and isinstance(entry.get("content"), str) and str(number).isdecimal():
            yield int(str(number)), entry
