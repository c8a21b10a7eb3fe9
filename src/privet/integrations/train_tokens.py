"""Texts and conversations → examples of token ids, cut to length, padded on the right.

Invariant: one row is one example; nothing is packed, so that whose a gradient is stays known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from privet.errors import BadInput

IGNORED: Final = -100
_BATCH: Final = 256
_LEAST: Final = 2
"""A token to predict, and one before it."""


@dataclass(slots=True, repr=False)
class Tokens:
    """Token ids of each example, which row each is of, and how many were cut or are too short."""

    examples: list[list[int]]
    rows: list[int]
    cut: int = 0
    short: int = 0


def tokens_of(tokenizer: Any, rows: Sequence[Any], *, chats: bool, most: int) -> Tokens:
    """Return the examples, with an end after each.

    Raises:
        BadInput: conversations do not fit the model's template, or it has none.

    """
    end = tokenizer.eos_token_id
    found = Tokens([], [])
    for start, texts in _texts(tokenizer, rows, chats=chats):
        # A template writes its own signs of beginning and end.
        for at, ids in enumerate(tokenizer(texts, add_special_tokens=not chats)["input_ids"], start):
            if end is not None and end not in ids[-2:]:
                ids.append(end)
            found.cut += len(ids) > most
            if len(ids) < _LEAST:
                found.short += 1
                continue
            found.examples.append(ids[:most])
            found.rows.append(at)
    return found


def _texts(tokenizer: Any, rows: Sequence[Any], *, chats: bool) -> Iterator[tuple[int, list[str]]]:
    if chats and not getattr(tokenizer, "chat_template", None):
        raise BadInput(
            "the model has no template for conversations",
            hint="take an instruct model, or put the conversations into a column of texts",
        )
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        yield start, [_told(tokenizer, one) for one in part] if chats else list(part)


def _told(tokenizer: Any, chat: Any) -> str:
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(chat, tokenize=False))
    except (TemplateError, TypeError, KeyError, ValueError) as error:
        raise BadInput(
            "a conversation does not fit the model's template",
            hint="most want roles user and assistant in turn, and system at most first",
        ) from error


class Collate:
    """Makes a batch of rows: `input_ids`, `attention_mask` and `labels`, (rows, tokens of the longest) each."""

    def __init__(self, padding: int) -> None:
        self._padding = padding

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the batch; whose a row is goes no further."""
        import torch

        held = [row["input_ids"] for row in rows]
        width = max(map(len, held))
        gaps = [width - len(ids) for ids in held]
        padded = [ids + [self._padding] * gap for ids, gap in zip(held, gaps, strict=True)]
        return {
            "input_ids": torch.tensor(padded),
            "attention_mask": torch.tensor([[1] * len(ids) + [0] * gap for ids, gap in zip(held, gaps, strict=True)]),
            "labels": torch.tensor([ids + [IGNORED] * gap for ids, gap in zip(held, gaps, strict=True)]),
        }
