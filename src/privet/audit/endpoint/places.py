"""Where in an answer something stands, in words of a fixed list.

Invariants:

- Everything that the target sent is in some place: each field of the body, headers that are its own, comments of a stream.
- No name of a place was chosen by the target.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from privet.audit.endpoint.reply import Reply

CONTENT: Final = "content"
REASONING: Final = "reasoning"
TOOL_CALL: Final = "a tool call"
ENVELOPE: Final = "the envelope"
LOGPROBS: Final = "logprobs"
OTHER: Final = "another field"
HEADER: Final = "a header"
COMMENT: Final = "a comment of the stream"
ERROR: Final = "an error"
BODY: Final = "the body"

_SAID: Final = frozenset(
    ("content", "text", "refusal", "response", "output_text", "completion", "generated_text", "answer", "message")
)
_THOUGHT: Final = ("reasoning", "thinking", "thought")
_WHOLE: Final = {"sse": COMMENT, "body": BODY}
_CALLED: Final = ("tool_calls.", "function_call.", "tool_use.", "tool_call.")
_ENVELOPE_NAMES: Final = (
    "id object created created_at model system_fingerprint finish_reason stop_reason role type name index service_tier status call_id"
    " tool_call_id request_id provider seed done_reason native_finish_reason stop_sequence etag timestamp version build digest trace_id"
    " session_id conversation_id response_id item_id obfuscation"
)
"""Fields that carry ids, names of models and times: numbers there are nobody's."""
_ENVELOPE: Final = frozenset(_ENVELOPE_NAMES.split())
_ENVELOPES: Final = frozenset(("usage", "timings", "metrics", "stats", "generation_settings", "eval_metrics"))
_STANDARD_NAMES: Final = (
    "date server content-type content-length content-encoding transfer-encoding connection keep-alive vary cache-control expires etag"
    " last-modified pragma age via allow location retry-after strict-transport-security x-content-type-options x-frame-options"
    " content-security-policy referrer-policy permissions-policy x-xss-protection access-control-allow-origin"
    " access-control-allow-methods access-control-allow-headers access-control-allow-credentials access-control-expose-headers"
    " access-control-max-age cross-origin-opener-policy cross-origin-resource-policy cross-origin-embedder-policy alt-svc"
    " www-authenticate accept-ranges x-request-id x-accel-buffering x-process-time openai-processing-ms openai-version trailer"
    " upgrade report-to nel cf-ray"
)
"""Headers that say nothing about a request but what HTTP (RFC 9110) and browsers need."""
_STANDARD: Final = frozenset(_STANDARD_NAMES.split())


class Part(NamedTuple):
    """Text of one place; `field` is the path of the field or the name of the header, which the target chose: never to be shown."""

    place: str
    field: str
    text: str


def parts(reply: Reply) -> Iterator[Part]:
    """Yield everything an answer says, place by place."""
    failed = reply.answer.status >= 400
    for name, text in reply.channels.items():
        yield Part(ERROR if failed else place_of(name), name, text)
    for name, value in reply.answer.headers:
        if name not in _STANDARD:
            yield Part(HEADER, name, value)


def place_of(name: str) -> str:
    """Return the place of a channel.

    >>> place_of("choices.delta.content"), place_of("choices.message.tool_calls.function.arguments"), place_of("usage.total")
    ('content', 'a tool call', 'the envelope')
    """
    path = name.split(".")
    leaf = path[-1]
    if path[0] in _WHOLE:
        return _WHOLE[path[0]]
    if "logprobs" in name:
        return LOGPROBS
    if any(word in name for word in _THOUGHT):
        return REASONING
    if any(word in name for word in _CALLED) and leaf not in ("id", "type"):
        return TOOL_CALL
    if leaf in _ENVELOPE or path[0] in _ENVELOPES:
        return ENVELOPE
    return CONTENT if leaf in _SAID else OTHER
