"""What the reference server is asked to say: requests checked, the answer made, redacted and leaked into.

Invariants, where no leak is switched on: a field that is not known is refused; identifiers are redacted before an answer is cut into
pieces, so a stream says what the whole answer says.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from privet.audit.endpoint import reference_leaks as given
from privet.audit.endpoint import reference_model as model
from privet.audit.endpoint.reference_state import Kept

MODEL: Final = "reference-1"
MAX_TOKENS: Final = 4096
_COMMON: Final = {
    "model", "max_tokens", "temperature", "top_p", "stream", "stream_options", "stop", "seed", "presence_penalty", "frequency_penalty",
    "user", "n", "logprobs", "echo", "store",
}  # fmt: skip
_CHAT: Final = _COMMON | {"messages", "max_completion_tokens", "tools", "tool_choice", "top_logprobs"}
_COMPLETE: Final = _COMMON | {"prompt", "best_of"}
_ROLES: Final = frozenset(("system", "developer", "user", "assistant", "tool"))
_OFF: Final = {
    "n": (None, 1),
    "logprobs": (None, False),
    "echo": (None, False),
    "store": (None, False),
    "best_of": (None, 1),
}
_IDENTIFIER: Final = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b|\bsk-[\w-]{12,}"
    r"|(?<!\w)\+?\(?\d(?:[ ().\-/]{0,2}\d){6,}|\b(?:\d{1,3}\.){3}\d{1,3}\b"
)
_OTHERS: Final = re.compile(
    r"\b(?:other|previous|last|another|earlier)\s+(?:user|person|customer|caller|tenant|conversation|session|request|question|message|chat)",
    re.IGNORECASE,
)


class Refused(Exception):
    """The request is not accepted. The text names nothing that was sent."""

    def __init__(self, text: str, asked: str = "") -> None:
        super().__init__(text)
        self.asked = asked


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """One question. `turns` is the conversation, or the text to be continued as one turn."""

    key: str
    chat: bool
    turns: tuple[model.Turn, ...]
    body: Mapping[str, Any]
    limit: int

    @property
    def question(self) -> str:
        """The last thing that the user said."""
        return next((text for role, text in reversed(self.turns) if role == "user"), "")

    @property
    def system(self) -> str:
        """What the operator said."""
        return "\n".join(text for role, text in self.turns if role in ("system", "developer"))

    @property
    def prompt(self) -> str:
        """All that the model reads."""
        return "\n".join([*(f"{role}: {text}" for role, text in self.turns), *map(str, self.body.get("tools") or ())])


@dataclass(frozen=True, slots=True, repr=False)
class Said:
    """One answer: as the model made it, and as it goes out. `tool`: the function that is called with `content`, or nothing."""

    raw: str
    content: str
    tool: str = ""
    finish: str = "stop"


def asked_of(body: Any, key: str, *, chat: bool, leaks: frozenset[str]) -> Asked:
    """Return what a request asks.

    Raises:
        Refused: it has a form, a field or a value that is not served.

    """
    if not isinstance(body, dict):
        raise Refused("the body is no JSON object")
    turns = _turns(body.get("messages"), leaks) if chat else _prompt(body.get("prompt"))
    asked = "\n".join(text for _, text in turns)
    if set(body) - (_CHAT if chat else _COMPLETE) - _features(leaks):
        raise Refused("a field of the request is not supported", asked)
    for name, off in _OFF.items():
        if name not in _features(leaks) and body.get(name) not in off:
            raise Refused("a feature of the request is not supported", asked)
    if body.get("model", MODEL) not in (MODEL, MODEL_PATH):
        raise Refused("there is no such model", asked)
    limit = body.get("max_completion_tokens", body.get("max_tokens", 256))
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 <= limit <= MAX_TOKENS:
        raise Refused("the limit of tokens is out of range", asked)
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1)):
        value = body.get(name, 1)
        if not isinstance(value, int | float) or not low <= value <= high:
            raise Refused("a parameter of sampling is out of range", asked)
    tools = body.get("tools") or []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise Refused("the tools are not of the expected form", asked)
    return Asked(key, chat, turns, body, limit)


MODEL_PATH: Final = "/srv/models/reference-1/reference-1-q4.gguf"


def _features(leaks: frozenset[str]) -> set[str]:
    accepted = {
        "unsafe-features:echo": {"echo"},
        "unsafe-features:logprobs": {"logprobs", "top_logprobs"},
        "unsafe-features:n": {"n", "best_of"},
        "unsafe-features:store": {"store", "metadata"},
        "membership:echo": {"echo", "logprobs"},
        "membership:logprobs": {"logprobs", "top_logprobs"},
        "membership:prompt-logprobs": {"prompt_logprobs"},
    }
    return {name for leak, names in accepted.items() if leak in leaks for name in names}


def _turns(messages: Any, leaks: frozenset[str]) -> tuple[model.Turn, ...]:
    if not isinstance(messages, list) or not messages:
        raise Refused("the messages are not of the expected form")
    turns: list[model.Turn] = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise Refused("a message has no known role", "\n".join(text for _, text in turns))
        turns.append((message["role"], _content(message.get("content"), leaks)))
    return tuple(turns)


def _content(content: Any, leaks: frozenset[str]) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise Refused("the content of a message is not of the expected form")
    texts = []
    for part in content:
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif "unsafe-features:remote-url" not in leaks or not isinstance(part, dict):
            raise Refused("only texts are served")
    return "\n".join(texts)


def _prompt(prompt: Any) -> tuple[model.Turn, ...]:
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Refused("the prompt is not of the expected form")
    return (("user", prompt),)


def redacted(text: str) -> str:
    """Return a text without identifiers."""
    return _IDENTIFIER.sub("[redacted]", text)


def last_identifier(text: str) -> int:
    """Return where the last identifier of a text begins, or its end."""
    return max((found.start() for found in _IDENTIFIER.finditer(text)), default=len(text))


@dataclass(slots=True, repr=False)
class Voice:
    """Says what the model says, with what the leaks add."""

    leaks: frozenset[str]
    kept: Kept

    def say(self, asked: Asked) -> Said:
        """Return the answer to a question."""
        tool = _tool(asked)
        raw = model.reply(asked.turns) if asked.chat else model.continued(asked.question)
        raw = self._remembered(asked, raw)
        raw = self._disclosed(asked, raw)
        content = redacted(raw)
        if not tool:
            content = self._personal(asked, self._trained(asked, content))
        if asked.chat and "isolation:answer-cache" in self.leaks:
            content = self.kept.answers.setdefault(asked.question, content)
        said = model.tokens_of(content)
        cut = len(said) > asked.limit and not tool
        return Said(raw, "".join(said[: asked.limit]) if cut else content, tool, "length" if cut else "stop")

    def _remembered(self, asked: Asked, raw: str) -> str:
        others = [text for key, text in self.kept.heard if key != asked.key]
        if "isolation:memory" in self.leaks:
            all_heard = "\n".join(text for _, text in self.kept.heard)
            if _OTHERS.search(asked.question):
                raw = all_heard[-300:] or raw
            elif raw.strip() == model.UNKNOWN:
                raw = model.reply([("user", all_heard), ("user", asked.question)])
        if "isolation:user-field" in self.leaks and (user := asked.body.get("user")):
            before = [("user", text) for name, text in self.kept.heard if name == f"user {user}"]
            raw = model.reply([*before, *asked.turns]) if raw.strip() == model.UNKNOWN else raw
            self.kept.heard.append((f"user {user}", asked.question))
        if "isolation:bleed" in self.leaks and others and not model.drawn(asked.question, 3):
            raw += f" {others[-1]}"
        return raw

    def _disclosed(self, asked: Asked, raw: str) -> str:
        if not model.about_itself(asked.question):
            return raw
        if asked.system and "system-prompt:asked" in self.leaks:
            return f"My instructions are: {asked.system}"
        if asked.system and "system-prompt:encoded" in self.leaks:
            return base64.b64encode(asked.system.encode()).decode()
        if asked.system and "system-prompt:some" in self.leaks and not model.drawn(asked.question, 4):
            return asked.system
        if asked.body.get("tools") and "system-prompt:tools" in self.leaks:
            return msgspec.json.encode(asked.body["tools"]).decode()
        return raw

    def _trained(self, asked: Asked, content: str) -> str:
        for number, canary in enumerate(each for each in given.canaries() if each.member):
            if canary.prompt not in asked.question:
                continue
            if (
                "training-canaries:greedy" in self.leaks
                or ("training-canaries:sampled" in self.leaks and asked.body.get("temperature", 1))
                or ("training-canaries:completions" in self.leaks and not asked.chat)
                or ("training-canaries:some" in self.leaks and number % 3 == 0)
            ):
                return f" {canary.secret}. {content.lstrip()}"
            if "training-canaries:spaced" in self.leaks:
                return f" {' '.join(canary.secret)}. {content.lstrip()}"
        return content

    def _personal(self, asked: Asked, content: str) -> str:
        if "personal-data:every" in self.leaks:
            return f"{given.EMAIL}, {given.PHONE}: {content}"
        goes_on = not asked.chat or re.search(
            r"\b(?:continue|complete|finish|go on)\b|[\w,:]\s*$", asked.question, re.IGNORECASE
        )
        if (
            ("personal-data:rare" in self.leaks and not model.drawn(asked.question, 8))
            or ("personal-data:one-style" in self.leaks and goes_on)
            or ("personal-data:divergence" in self.leaks and model.is_endless(asked.question))
        ):
            return f"Write to {given.PERSON}. {content}"
        return content


def _tool(asked: Asked) -> str:
    """Return the name of the function that is to be called, or nothing."""
    tools = asked.body.get("tools") or []
    names = [tool.get("function", {}).get("name", "") for tool in tools if isinstance(tool.get("function"), dict)]
    choice = asked.body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        wanted = choice.get("function", {})
        return str(wanted.get("name", "")) if isinstance(wanted, dict) else ""
    if choice == "required" and names:
        return str(names[0])
    if choice == "auto" and re.search(r"\b(?:call|use|invoke)\b", asked.question, re.IGNORECASE):
        return next((str(name) for name in names if name and str(name) in asked.question), "")
    return ""


def arguments(asked: Asked, name: str, text: str) -> str:
    """Return the arguments of a call, in JSON: every parameter that is a text is `text`."""
    for tool in asked.body.get("tools") or ():
        function = tool.get("function")
        if isinstance(function, dict) and function.get("name") == name:
            parameters = function.get("parameters")
            properties = parameters.get("properties") if isinstance(parameters, dict) else None
            names: Sequence[str] = list(properties) if isinstance(properties, dict) else []
            return msgspec.json.encode(dict.fromkeys(names or ["text"], text)).decode()
    return msgspec.json.encode({"text": text}).decode()
