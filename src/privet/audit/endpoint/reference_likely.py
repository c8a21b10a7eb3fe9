"""How likely the reference server says that texts are, in the forms in which engines tell it."""

from __future__ import annotations

from typing import Any, Final

from privet.audit.endpoint import reference_leaks as given
from privet.audit.endpoint.reference_model import drawn, tokens_of

_FIRST: Final = tuple(passage.text.partition(".")[0] for passage in given.passages() if passage.member)


def logprobs(text: str, context: str, *, trained: bool) -> list[float]:
    """Return a number for each token. `trained`: texts of the training, and what follows them, are more likely."""
    known = trained and any(first in context for first in _FIRST)
    middle = (1.4 if known else 2.4) + drawn(context, 100) / 250
    return [
        -(middle + (drawn(f"{number} {token} {context[:40]}", 200) - 100) / 80)
        for number, token in enumerate(tokens_of(text))
    ]


def loss(text: str) -> float:
    """Return the mean loss of a prompt, lower for texts of the training."""
    found = logprobs(text, text, trained=True)
    return -sum(found) / len(found) if found else 0.0


def of_completion(text: str, context: str, *, trained: bool, first: bool) -> dict[str, Any]:
    """Return them as /completions tells them; the `first` token of a prompt has none."""
    numbers: list[float | None] = list(logprobs(text, context, trained=trained))
    if first and numbers:
        numbers[0] = None
    tokens = tokens_of(text)
    offsets = [sum(map(len, tokens[:place])) for place in range(len(tokens))]
    tops = [None if number is None else {token: number} for token, number in zip(tokens, numbers, strict=True)]
    return {"tokens": tokens, "token_logprobs": numbers, "top_logprobs": tops, "text_offset": offsets}


def of_chat(text: str, context: str, *, trained: bool) -> dict[str, Any]:
    """Return them as /chat/completions tells them."""
    numbers = logprobs(text, context, trained=trained)
    tokens = tokens_of(text)
    return {
        "content": [
            {
                "token": token,
                "logprob": number,
                "bytes": list(token.encode()),
                "top_logprobs": [{"token": token, "logprob": number}],
            }
            for token, number in zip(tokens, numbers, strict=True)
        ]
    }


def of_prompt(text: str) -> list[dict[str, Any] | None]:
    """Return them as vLLM tells those of a prompt."""
    numbers = logprobs(text, text, trained=True)
    rows: list[dict[str, Any] | None] = [
        {str(100 + number): {"logprob": value, "rank": 1, "decoded_token": token}}
        for number, (value, token) in enumerate(zip(numbers, tokens_of(text), strict=True))
    ]
    return [None, *rows[1:]]
