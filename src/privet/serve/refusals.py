"""Every way the endpoint says no: one table, from which answers, metrics and docs/rules/serve.md are made.

Invariant: a refusal names a rule and a field. It has no place for a value. The field's name is shown to the caller who sent it and
reaches no log or metric; those get the rule's id.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

REFUSED: Final = "privacy_refused"
_MAX_PARAM_CHARS: Final = 200


class Rule(NamedTuple):
    """One reason to refuse: `says` may use {param}; `why` and `instead` are for the rule's page."""

    status: int
    code: str
    says: str
    why: str
    instead: str


_INVALID: Final = "invalid_request_error"
_TYPES: Final = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}

RULES: Final[dict[str, Rule]] = {
    "stored-state": Rule(
        400,
        REFUSED,
        "{param} would have the query stored, or refers to something stored",
        "Storing a conversation, or continuing a stored one, needs a copy of every query.",
        "Send the whole conversation with each request; leave the field out or set it to false.",
    ),
    "remote-media": Rule(
        400,
        REFUSED,
        "{param} points to an outside address; only data: addresses are accepted",
        "Fetching the address tells a third party who asked and when, and can reach inside the network.",
        "Send the image itself as a data: URL; its metadata is stripped.",
    ),
    "file-reference": Rule(
        400,
        REFUSED,
        "{param} refers to a stored or attached file",
        "File ids need files to be kept, and attachments carry metadata that cannot be stripped here yet.",
        "Put the text of the file into the message.",
    ),
    "media-format": Rule(
        400,
        REFUSED,
        "{param} is in a format whose metadata cannot be stripped",
        "What cannot be cleaned is not passed on.",
        "Send PNG, JPEG, WebP or GIF as a data: URL.",
    ),
    "hosted-tool": Rule(
        400,
        REFUSED,
        "{param} is a tool that runs on a server; only function tools are accepted",
        "Web search, MCP, code interpreters and computers send the conversation on to others.",
        "Declare a function tool and run it on your side.",
    ),
    "token-probabilities": Rule(
        400,
        REFUSED,
        "{param} asks for probabilities, token ids or an echo of the prompt",
        "They are what membership inference and training-data extraction work from.",
        "Leave the field out.",
    ),
    "too-many-choices": Rule(
        400,
        REFUSED,
        "{param} asks for more answers than the policy allows",
        "Many samples of one prompt are how memorized text is extracted.",
        "Ask for at most serve.max_choices answers.",
    ),
    "unknown-field": Rule(
        400,
        REFUSED,
        "{param} is not on the list of accepted fields",
        "An unknown field can switch on storage, logging or tracing in the engine behind.",
        "Leave the field out; docs/api.md lists what is accepted.",
    ),
    "identifier": Rule(
        400,
        REFUSED,
        "{param} holds a personal identifier, and the policy refuses them",
        "serve.prompt_identifiers is set to refuse.",
        "Remove the identifier, or use tokenize, which hides it from the model and puts it back.",
    ),
    "personal-name": Rule(
        400,
        REFUSED,
        "{param} is a name that holds a personal identifier",
        "Names of functions and schemas come back from the model as they went, so they cannot be replaced.",
        "Name it after what it does.",
    ),
    "model-name": Rule(
        400,
        REFUSED,
        "{param} is a path, an address or a cloud model; only names of local models are accepted",
        "Such names make engines load files, download weights or send the prompt to a cloud.",
        "Use a name that GET /v1/models lists.",
    ),
    "query-string": Rule(
        400,
        REFUSED,
        "the address has a query string",
        "Addresses stand in histories, logs and referrers; keys and text do not belong there.",
        "Send the key as `Authorization: Bearer` and everything else in the body.",
    ),
    "cookie": Rule(
        400,
        REFUSED,
        "the request carries a cookie",
        "A cookie names the browser and comes along without anyone's intent.",
        "Send the key as `Authorization: Bearer`, without cookies.",
    ),
    "foreign-origin": Rule(
        403,
        REFUSED,
        "the request comes from a web page of another origin",
        "Any page in a browser can try to call a loopback port.",
        "Use the endpoint's own page, or allow the origin by an exception for serve.origins.",
    ),
    "foreign-host": Rule(
        421,
        REFUSED,
        "the Host header is not this endpoint's",
        "DNS rebinding makes a web page's own name point at a loopback port.",
        "Call the address that `privet serve` printed, or allow the name by an exception for serve.hosts.",
    ),
    "invalid-value": Rule(
        400,
        REFUSED,
        "{param} has a value of the wrong type or range",
        "Only what is understood is passed on.",
        "docs/api.md lists types and ranges.",
    ),
    "missing-field": Rule(
        400,
        "missing_required_parameter",
        "{param} is required",
        "The request cannot be understood.",
        "Add the field.",
    ),
    "not-json": Rule(
        400,
        "invalid_json",
        "the body is not a JSON object in UTF-8",
        "What cannot be read cannot be protected.",
        "Send one JSON object as application/json.",
    ),
    "body-encoding": Rule(
        415,
        "unsupported_media_type",
        "the body is not plain application/json",
        "A compressed body hides its size, and form posts are what foreign web pages can send.",
        "Send `Content-Type: application/json` without Content-Encoding.",
    ),
    "body-too-large": Rule(
        413,
        "request_too_large",
        "the body is larger than serve.max_body_bytes",
        "Memory per request is bounded.",
        "Send less.",
    ),
    "headers-too-large": Rule(
        431,
        "headers_too_large",
        "the headers are larger than serve.max_header_bytes",
        "Memory per connection is bounded.",
        "Send fewer or shorter headers.",
    ),
    "too-slow": Rule(
        408,
        "request_timeout",
        "the request did not arrive in time",
        "Slow connections are closed.",
        "Send it again.",
    ),
    "not-http": Rule(
        400,
        "invalid_request",
        "this is not an HTTP request",
        "What cannot be parsed is not answered further.",
        "Speak HTTP/1.1.",
    ),
    "missing-key": Rule(
        401,
        "invalid_api_key",
        "the API key is missing or wrong",
        "Any program or page on this machine can reach a loopback port.",
        "Send `Authorization: Bearer KEY`; `privet serve --new-key` makes a new one.",
    ),
    "no-route": Rule(
        404,
        "not_found",
        "there is no such route",
        "Only the routes of docs/api.md exist: no admin, file, batch, fine-tuning or engine route.",
        "See docs/api.md.",
    ),
    "method": Rule(
        405,
        "method_not_allowed",
        "this route does not take that method",
        "Only what is needed exists.",
        "See docs/api.md.",
    ),
    "no-such-model": Rule(
        404,
        "model_not_found",
        "there is no such model here",
        "Only served models have names.",
        "GET /v1/models lists them.",
    ),
    "busy": Rule(
        503,
        "overloaded",
        "too many requests are in work",
        "serve.max_concurrent_requests bounds memory.",
        "Try again shortly.",
    ),
    "upstream-busy": Rule(
        429,
        "upstream_busy",
        "the model server is overloaded",
        "The upstream said 429; its own words are not passed on.",
        "Try again shortly.",
    ),
    "upstream-refused": Rule(
        502,
        "upstream_refused",
        "the model server did not accept the request",
        "The upstream answered 4xx; its words may quote the prompt and are not passed on.",
        "Check the model's name, context length and supported fields.",
    ),
    "upstream-failed": Rule(
        502,
        "upstream_failed",
        "the model server failed or cannot be reached",
        "Its words may quote the prompt and are not passed on.",
        "Check that the upstream runs.",
    ),
    "upstream-invalid": Rule(
        502,
        "upstream_invalid",
        "the model server's answer is not what an OpenAI-compatible server sends",
        "What cannot be parsed cannot be protected, so nothing of it is passed on.",
        "Check the upstream's address; it usually ends in /v1.",
    ),
    "upstream-slow": Rule(
        504,
        "upstream_timeout",
        "the model server did not answer in time",
        "Nothing is held for ever.",
        "Ask for less, or try again.",
    ),
    "internal": Rule(
        500,
        "internal_error",
        "an internal error; nothing was passed on",
        "An error never shows data.",
        "Report the request id.",
    ),
}


class Refusal(Exception):
    """A request that is not served: a rule's id and the field it is about."""

    def __init__(self, rule: str, param: str | None = None) -> None:
        super().__init__(rule)
        self.rule = rule
        self.param = param[:_MAX_PARAM_CHARS] if param is not None else None

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return RULES[self.rule].status

    def body(self) -> bytes:
        """Return the answer's body in OpenAI's error shape."""
        return msgspec.json.encode({"error": self.error()})

    def error(self) -> dict[str, str | None]:
        """Return the error object; `rule` is the heading to look up in docs/rules/serve.md."""
        rule = RULES[self.rule]
        kind = _TYPES.get(rule.status, "api_error" if rule.status >= 500 else _INVALID)
        message = f"{rule.says.format(param=self.param or 'the request')}. {rule.instead}"
        return {"message": message, "type": kind, "param": self.param, "code": rule.code, "rule": self.rule}
