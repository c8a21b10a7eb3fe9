"""Commands that upload data or code → whether everybody can get it.

Sources: huggingface.co/docs/huggingface_hub/guides/cli, cli.github.com/manual/gh_repo_create,
docs.aws.amazon.com/cli/latest/reference/s3/cp,
github.com/Kaggle/kaggle-api. Invariant: a command is told by what it says itself; what stands in somebody's account is not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.words import Command

_NAME: Final = "code:upload-visibility"


class _Upload(NamedTuple):
    """Words behind the program, those that close what is uploaded, those that open it, and what it is without either."""

    words: tuple[str, ...]
    closes: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    otherwise: str = "public"


_HUB: Final = (
    _Upload(("upload",), ("--private", "--private=true"), ("--no-private",)),
    _Upload(("upload-large-folder",), ("--private", "--private=true"), ("--no-private",)),
    _Upload(("repo", "create"), ("--private",), ("--no-private",)),
    _Upload(("repos", "create"), ("--private",), ("--no-private",)),
)
_UPLOADS: Final = {
    "hf": _HUB,
    "huggingface-cli": _HUB,
    "gh": (
        _Upload(("repo", "create"), ("--private", "--internal"), ("--public",), "private"),
        _Upload(("repo", "edit"), (), ("--visibility=public", "--visibility public"), "private"),
        _Upload(("gist", "create"), (), ("--public", "-p"), "private"),
    ),
    "kaggle": (_Upload(("datasets", "create"), (), ("--public", "-u"), "private"),),
    "aws": tuple(
        _Upload(words, ("--acl private",), ("--acl public-read", "--acl public-read-write", "--acl authenticated-read"), "private")
        for words in (("s3", "cp"), ("s3", "sync"), ("s3", "mv"), ("s3api", "put-object"), ("s3api", "put-bucket-acl"))
    ),
    "gsutil": (_Upload((), (), ("-a public-read", "allUsers:R", "allUsers:objectViewer"), "private"),),
}  # fmt: skip
_MAX_WORDS: Final = 60


def units_of(command: Command, path: str, texts: Sequence[str], owner: str, counts: Counter[str]) -> Iterator[Unit]:
    """Yield a unit for a command that uploads; `counts` numbers those of one kind."""
    at = next((number for number, text in enumerate(texts[:8]) if text.rsplit("/", 1)[-1] in _UPLOADS), None)
    if at is None or len(texts) > _MAX_WORDS:
        return
    program, rest = texts[at].rsplit("/", 1)[-1], list(texts[at + 1 :])
    for upload in _UPLOADS[program]:
        if tuple(rest[: len(upload.words)]) == upload.words:
            said = {*rest, *(f"{one} {two}" for one, two in pairwise(rest))}
            value = "public" if said & {*upload.opens} else "private" if said & {*upload.closes} else upload.otherwise
            name = " ".join((f"{owner}:{program}" if owner else program, *upload.words))
            counts[name] += 1
            start, end = command.words[at].start, command.words[min(at + len(upload.words), len(texts) - 1)].end
            fact = Fact(Space.KEY, _NAME, value, path, start, end)
            yield Unit(UnitKind.PROCESS, f"{name}#{counts[name]}", path, start, end, facts=(fact,))
