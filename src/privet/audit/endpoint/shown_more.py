"""Whether an answer shows more when it is asked to: probabilities, the prompt, the ids of tokens, many choices, a template of the caller.

Invariant: each has a control, or an effect that no model makes by itself with a token or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.echo import canary, holds
from privet.audit.endpoint.guard import CLOSED
from privet.audit.endpoint.in_order import in_order
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.reply import Reply
from privet.audit.endpoint.routes import document_of
from privet.audit.endpoint.scene import Scene

CHOICES: Final = 8
"""More than people compare, and what extraction begins with."""
_PROBABLE: Final = (
    "logprobs",
    "top_logprobs",
    "completion_probabilities",
    "probs",
    "token_logprobs",
    "prompt_logprobs",
    "prefill",
    "logits",
)
_IDS: Final = ("token_ids", "prompt_token_ids", "output_ids", "input_ids", "output_token_ids")
_TEMPLATE_WORDS: Final = 240
_MAX_DEPTH: Final = 8
_ECHOES: Final = (
    ("echo", {"echo": True}),
    ("return_full_text", dict.fromkeys(("return_full_text", "return_prompt", "include_prompt"), True)),
    ("verbose", {"verbose": True, "debug": True, "__verbose": True, "return_debug": True, "raw": True}),
)
_Seen = tuple[str, str, bool, Answer]


async def ask_for_more(scene: Scene, tally: Tally) -> None:
    """Ask for each, as a chat and as a text to be continued, and streamed where it shows there."""
    chance = scene.chance("unsafe-features")

    def take(seen: _Seen) -> None:
        name, fix, accepted, answer = seen
        if answer.trouble or answer.status in CLOSED:
            tally.unanswered += 1
            return
        tally.sample(*([f"{name} is accepted"] if accepted else []), fix=fix, text=answer.text if accepted else "")

    jobs = []
    for chat in (True, False):
        if (chat and not scene.dialect.chats) or (not chat and not scene.dialect.completes):
            continue
        where = "of chats" if chat else "of completions"
        likely: dict[str, Any] = {"logprobs": True, "top_logprobs": 2} if chat else {"logprobs": 2}
        for name, more, stream in (
            (f"logprobs {where}", likely, False),
            (f"logprobs {where}, streamed", likely, True),
            (f"prompt_logprobs {where}", {"prompt_logprobs": 1}, False),
            (f"n_probs {where}", {"n_probs": 2}, False),
        ):
            jobs.append(partial(_shown, scene, chat, name, "logprobs", more, stream, _PROBABLE))
        jobs.append(
            partial(
                _shown, scene, chat, f"return_token_ids {where}", "token-ids", {"return_token_ids": True}, False, _IDS
            )
        )
        for name, switch in _ECHOES:
            jobs.append(partial(_echoed, scene, chat, f"{name} {where}", switch, canary(chance)))
        jobs.append(partial(_many, scene, chat, f"n {where}", {"n": CHOICES}))
    if scene.dialect.completes:
        jobs.append(partial(_many, scene, False, "best_of of completions", {"best_of": CHOICES}))
    if scene.dialect.chats:
        jobs.append(partial(_templated, scene))
    await in_order(scene, jobs, take)


async def _say(scene: Scene, chat: bool, prompt: str, more: Mapping[str, Any], *, stream: bool = False) -> Reply:
    if chat:
        return await scene.dialect.chat(prompt, tokens=1, more=more, stream=stream, may_fail=True)
    return await scene.dialect.complete(
        prompt, tokens=1, more={**more, **({"stream": True} if stream else {})}, may_fail=True
    )


async def _shown(
    scene: Scene, chat: bool, name: str, fix: str, more: Mapping[str, Any], stream: bool, fields: tuple[str, ...]
) -> _Seen:
    reply = await _say(scene, chat, "Hello", more, stream=stream)
    return (
        name,
        fix,
        reply.is_model and any(_holds_field(each, fields, 0) for each in _documents(reply.answer)),
        reply.answer,
    )


def _documents(answer: Answer) -> list[Any]:
    """Return what an answer holds, piece by piece where it was streamed."""
    whole = document_of(answer)
    if whole is not None:
        return [whole]
    pieces = [
        line.removeprefix(b"data:").strip() for line in answer.body.splitlines()[:200] if line.startswith(b"data:")
    ]
    return [document_of(Answer(200, (), piece, "", 0.0)) for piece in pieces]


def _holds_field(value: Any, fields: tuple[str, ...], depth: int) -> bool:
    """Tell whether one of the fields is there, and says something."""
    if depth > _MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return any(
            (name in fields and _says(inner, 0)) or _holds_field(inner, fields, depth + 1)
            for name, inner in value.items()
        )
    return isinstance(value, list) and any(_holds_field(inner, fields, depth + 1) for inner in value[:64])


def _says(value: Any, depth: int) -> bool:
    """Tell whether there is a number or a text in it: an empty object, or one of nulls, says nothing."""
    if isinstance(value, dict | list):
        inside = list(value.values() if isinstance(value, dict) else value)[:64]
        return depth < _MAX_DEPTH and any(_says(inner, depth + 1) for inner in inside)
    return (isinstance(value, int | float) and not isinstance(value, bool)) or (isinstance(value, str) and bool(value))


async def _echoed(scene: Scene, chat: bool, name: str, more: Mapping[str, Any], word: str) -> _Seen:
    """See whether the prompt comes back with the switch on, and does not without."""
    prompt = f"The code word is {word}. Thank you."
    reply = await _say(scene, chat, prompt, more)
    accepted = reply.answer.ok and holds(reply.everything, word)
    if accepted:
        # A target that shows its prompts in any case, or repeats them, has not done it for this switch.
        control = await _say(scene, chat, prompt, {})
        accepted = not holds(control.everything, word)
    return name, "echo", accepted, reply.answer


async def _many(scene: Scene, chat: bool, name: str, more: Mapping[str, Any]) -> _Seen:
    reply = await _say(scene, chat, "Hello", {**more, "temperature": 1})
    document = document_of(reply.answer)
    choices = document.get("choices") if isinstance(document, dict) else None
    accepted = reply.is_model and isinstance(choices, list) and len(choices) >= CHOICES
    if "best_of" in more and not accepted:
        usage = document.get("usage") if isinstance(document, dict) else None
        counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
        # One token was asked for and one choice given; the others were made, and counted.
        accepted = reply.is_model and isinstance(counted, int) and counted >= CHOICES and len(choices or ()) == 1
    return name, "many-choices", accepted, reply.answer


async def _templated(scene: Scene) -> _Seen:
    """See whether a template of the caller makes the prompt: then it is as long as the template says."""
    plain = await _say(scene, True, "Hello", {})
    template = "{{ 'hello ' * %d }}" % _TEMPLATE_WORDS  # noqa: UP031 - braces are the template's own
    reply = await _say(scene, True, "Hello", {"chat_template": template})
    before, after = _prompt_tokens(plain), _prompt_tokens(reply)
    accepted = reply.is_model and before > 0 and after - before >= _TEMPLATE_WORDS // 2
    return "chat_template of the caller", "request-templates", accepted, reply.answer


def _prompt_tokens(reply: Reply) -> int:
    document = document_of(reply.answer)
    usage = document.get("usage") if isinstance(document, dict) else None
    count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else 0
