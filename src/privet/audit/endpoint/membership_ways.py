"""How servers tell how likely a text is, and what is read of their answers.

Invariants:

- A way counts only where it gave numbers for a text that was asked; what is refused is not exposed.
- Numbers are finite, and whatever else an answer holds is nothing.

Sources: the OpenAI API reference (`echo` and `logprobs` of completions; `logprobs`, `top_logprobs` of chats), served so by vLLM, SGLang and
llama-cpp-python; vLLM, `prompt_logprobs` (the token of the prompt comes first, then the likeliest); Text Generation Inference,
`decoder_input_details`; SGLang, `return_logprob` with `logprob_start_len`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.reply import reply_of
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.stores import filled, words_of

_LEAST: Final = -100.0
"""Servers say -9999 or minus infinity for what they cannot tell."""
_MAX_NODES: Final = 20_000
_FIELDS: Final[Mapping[str, int]] = {
    "loss": -1, "nll": -1, "nll_loss": -1, "perplexity": -1, "ppl": -1, "cross_entropy": -1, "prompt_loss": -1, "prompt_perplexity": -1,
    "logprob": 1, "log_prob": 1, "log_likelihood": 1, "loglikelihood": 1, "logprob_sum": 1, "cumulative_logprob": 1, "mean_logprob": 1,
    "avg_logprob": 1, "avg_logprobs": 1, "prompt_logprob": 1, "likelihood": 1, "confidence": 1, "score": 1, "familiarity": 1,
}  # fmt: skip
"""One number for a whole text, and whether a member's is higher or lower."""
_HEADERS: Final[Mapping[str, int]] = {
    f"x-{name.replace('_', '-')}": sign for name, sign in _FIELDS.items() if "logprob" in name or sign < 0
} | {"x-confidence": 1, "x-score": 1}


@dataclass(frozen=True, slots=True, repr=False)
class Likely:
    """What an answer tells: a number for each token, those of the likeliest tokens there, one for the whole, and what was said."""

    tokens: Sequence[float]
    tops: Sequence[Sequence[float]]
    whole: float | None
    said: str


@dataclass(frozen=True, slots=True)
class Way:
    """A request. `{text}` stands for what is asked.

    `of_prompt`: it tells of the text itself, else of what follows it. `halved`: the first half is asked, so that the second may follow.
    """

    name: str
    path: str
    body: Mapping[str, Any]
    read: Callable[[Any], Iterator[tuple[Any, Any]]]
    of_prompt: bool = True
    halved: bool = False


def _first(document: Any, *names: str) -> Any:
    for name in names:
        if isinstance(document, list):
            document = document[0] if document else None
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _completion(document: Any) -> Iterator[tuple[Any, Any]]:
    told = _first(document, "choices", "logprobs")
    numbers = _listed(_first(told, "token_logprobs"))
    tops = _listed(_first(told, "top_logprobs"))
    for place, number in enumerate(numbers):
        top = tops[place] if place < len(tops) else None
        yield number, list(top.values()) if isinstance(top, dict) else top
    if not numbers:
        yield from _chat(document)


def _chat(document: Any) -> Iterator[tuple[Any, Any]]:
    for each in _listed(_first(document, "choices", "logprobs", "content")):
        tops = [_first(top, "logprob") for top in _listed(_first(each, "top_logprobs"))]
        yield _first(each, "logprob"), tops


def _vllm(document: Any) -> Iterator[tuple[Any, Any]]:
    for each in _listed(_first(document, "choices", "prompt_logprobs") or _first(document, "prompt_logprobs")):
        numbers = [_first(value, "logprob") for value in each.values()] if isinstance(each, dict) else []
        yield (numbers[0] if numbers else None), numbers


def _tgi(document: Any) -> Iterator[tuple[Any, Any]]:
    for each in _listed(_first(document, "details", "prefill")):
        yield _first(each, "logprob"), None


def _sglang(document: Any) -> Iterator[tuple[Any, Any]]:
    for each in _listed(_first(document, "meta_info", "input_token_logprobs")):
        yield (each[0] if isinstance(each, list) and each else None), None


_COMPLETE: Final = {"model": "{model}", "prompt": "{text}", "temperature": 0}
_MESSAGES: Final = [{"role": "user", "content": "{text}"}]
_TALK: Final = {"model": "{model}", "messages": _MESSAGES, "temperature": 0}
OF_PROMPT: Final = (
    Way("echo", "{base}/completions", _COMPLETE | {"max_tokens": 0, "echo": True, "logprobs": 5}, _completion),
    Way("echo", "{base}/completions", _COMPLETE | {"max_tokens": 1, "echo": True, "logprobs": 5}, _completion),
    Way("prompt_logprobs", "{base}/completions", _COMPLETE | {"max_tokens": 1, "prompt_logprobs": 5}, _vllm),
    Way("prompt_logprobs", "{base}/completions", _COMPLETE | {"max_tokens": 1, "prompt_logprobs": 0}, _vllm),
    Way("prompt_logprobs", "{base}/chat/completions", _TALK | {"max_tokens": 1, "prompt_logprobs": 5}, _vllm),
    Way(
        "decoder_input_details",
        "/generate",
        {"inputs": "{text}", "parameters": {"max_new_tokens": 1, "details": True, "decoder_input_details": True}},
        _tgi,
    ),
    Way(
        "return_logprob",
        "/generate",
        {
            "text": "{text}", "sampling_params": {"max_new_tokens": 1, "temperature": 0}, "return_logprob": True,
            "logprob_start_len": 0,
        },
        _sglang,
    ),
)  # fmt: skip
_CONTINUE: Final = [{"role": "user", "content": "Continue this text, word for word: {text}"}]
_NUMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "/completions": {"logprobs": 5},
    "/chat/completions": {"logprobs": True, "top_logprobs": 5},
}


def of_answer(scene: Scene, tokens: int) -> list[Way]:
    """Return the ways that let the target go on with a text."""
    dialect = scene.dialect
    ways = []
    if dialect.completes:
        fields = {"model": "{model}", "prompt": "{text}", "max_tokens": tokens, **dialect.usual}
        ways.append(Way("completions", "{base}/completions", fields, _completion, of_prompt=False, halved=True))
    if dialect.chats:
        fields = {"model": "{model}", dialect.limit_field: tokens, **dialect.usual}
        ways += [
            Way(name, "{base}/chat/completions", {**fields, "messages": said}, _chat, of_prompt=False, halved=True)
            for name, said in (("chat", _CONTINUE), ("bare chat", _MESSAGES))
        ]
    return ways


def with_numbers(way: Way) -> Way:
    """Return a way that also asks how likely the answer is."""
    return replace(way, body={**way.body, **_NUMBERS[way.path.removeprefix("{base}")]})


def of_whole(way: Way, limit_field: str) -> Way:
    """Return a way that asks the whole text, and hardly lets the target go on."""
    limit = "max_tokens" if "prompt" in way.body else limit_field
    return replace(way, name=f"{way.name} of the whole", body={**way.body, limit: 2}, halved=False)


async def ask(scene: Scene, way: Way, text: str) -> tuple[Answer, Likely | None]:
    """Return what a way tells of a text; None where it is refused."""
    words = words_of(scene, text=text)
    # The text last: what it holds is not to be filled in.
    body = filled(way.body, {"model": words["model"]} | {"text": text})
    answer = await scene.client.ask("POST", filled(way.path, words), body=msgspec.json.encode(body), may_fail=True)
    reply = reply_of(answer)
    scene.client.budget.spent(reply.tokens)
    return answer, likely_of(answer, way, reply.said) if answer.ok else None


def likely_of(answer: Answer, way: Way, said: str) -> Likely:
    """Return what an answer tells."""
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        document = None
    tokens, tops = [], []
    for number, top in way.read(document):
        if (known := _number(number)) is not None:
            tokens.append(known)
            tops.append([each for each in map(_number, _listed(top)) if each is not None])
    return Likely(tokens, tops, _whole(document, answer), said)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    return min(1e9, max(_LEAST, float(value))) if is_number else None


def _whole(document: Any, answer: Answer) -> float | None:
    """Return a number that an answer gives for a text as a whole, higher for what is likelier."""
    for name, sign in _HEADERS.items():
        try:
            number = _number(float(answer.header(name)))
        except ValueError:
            continue
        if number is not None:
            return sign * number
    waiting, seen = [document], 0
    while waiting and seen < _MAX_NODES:
        value = waiting.pop(0)
        seen += 1
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in _FIELDS and (number := _number(inner)) is not None:
                    return _FIELDS[name] * number
            # Numbers of single tokens are read by their own way.
            waiting += [inner for name, inner in value.items() if name not in ("logprobs", "prompt_logprobs")]
        elif isinstance(value, list):
            waiting += value
    return None
