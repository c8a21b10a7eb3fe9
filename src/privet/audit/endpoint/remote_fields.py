"""Fields of requests that hold an address, which a server may fetch.

Whoever asks then reaches what only the server can (SSRF), and whoever serves the address learns who asked.

Sources: OpenAI API (image_url, input_image, input_file, MCP tools), vllm 0.33 (audio_url, video_url), llama.cpp tools/server (image_url),
litellm 1.101 proxy/auth/auth_utils.py (api_base, base_url), JSON Schema ($ref), RFC 9112 section 3.2.2 (absolute form).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from privet.audit.endpoint.dialect import Dialect

_OTHER_HOSTS: Final = ("localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0", "user@127.0.0.1")
"""Other ways to write this machine, for servers that look for one. None can be taken for a host that is elsewhere."""


@dataclass(frozen=True, slots=True, repr=False)
class Remote:
    """One request with an address in it; `name` says which field, `word` is in the address."""

    name: str
    method: str
    path: str
    body: bytes | None
    word: str
    headers: tuple[tuple[str, str], ...] = ()


def remotes(dialect: Dialect, words: Iterator[str], address: Callable[[str, str, str], str]) -> list[Remote]:
    """Return all requests; `address` makes an address of a word, a host and an ending."""
    made = []
    for name, route, ending, fields in _FORMS:
        word = next(words)
        body = _whole(dialect, route, fields(address(word, "127.0.0.1", ending)))
        made.append(Remote(name, "POST", dialect.base + route, body, word))
    for host in _OTHER_HOSTS:
        word = next(words)
        body = _whole(dialect, "/chat/completions", _picture(address(word, host, "png")))
        made.append(
            Remote("a picture at another name of this machine", "POST", f"{dialect.base}/chat/completions", body, word)
        )
    for header in (
        "x-forwarded-host",
        "x-original-url",
        "x-upstream",
        "x-target-url",
        "x-api-base",
        "x-litellm-api-base",
    ):
        word = next(words)
        url = address(word, "127.0.0.1", "json")
        value = url.removeprefix("http://") if header == "x-forwarded-host" else url
        made.append(Remote(f"the header {header}", "GET", f"{dialect.base}/models", None, word, ((header, value),)))
    word = next(words)
    made.append(
        Remote("a request for another server (open proxy)", "GET", address(word, "127.0.0.1", "json"), None, word)
    )
    return made


def _whole(dialect: Dialect, route: str, fields: Mapping[str, Any]) -> bytes:
    """Return a request whole, so that what it lacks is no reason to refuse it."""
    usual: dict[str, Any] = {"model": dialect.model}
    if route == "/chat/completions":
        usual |= {dialect.limit_field: 1, **dialect.usual, "messages": [{"role": "user", "content": "Hi"}]}
    elif route == "/responses":
        usual |= {"max_output_tokens": 16, "store": False, "input": "Hi"}
    elif route == "/messages":
        usual |= {"max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
    elif route == "/completions":
        usual |= {"max_tokens": 1, "prompt": "Hi"}
    return msgspec.json.encode(usual | dict(fields))


def _said(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]}


def _picture(url: str) -> dict[str, Any]:
    return _said({"type": "image_url", "image_url": {"url": url}})


def _input(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"input": [{"role": "user", "content": [{"type": "input_text", "text": "What is this?"}, part]}]}


def _schema(url: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"a": {"$ref": url}}, "$schema": url}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}


def _tool(url: str) -> dict[str, Any]:
    return {"tools": [{"type": "mcp", "server_label": "a", "server_url": url, "require_approval": "never"}]}


_HI: Final = ({"role": "user", "content": "Hi"},)
_Form = tuple[str, str, str, Callable[[str], Mapping[str, Any]]]
_CHAT: Final = "/chat/completions"
_FORMS: Final[Sequence[_Form]] = (
    ("image_url", _CHAT, "png", _picture),
    ("image_url as a text", _CHAT, "png", lambda url: _said({"type": "image_url", "image_url": url})),
    ("image", _CHAT, "png", lambda url: _said({"type": "image", "image": url})),
    ("an image with a source", _CHAT, "png", lambda url: _said({"type": "image", "source": {"type": "url", "url": url}})),
    ("input_image", _CHAT, "png", lambda url: _said({"type": "input_image", "image_url": url})),
    ("audio_url", _CHAT, "wav", lambda url: _said({"type": "audio_url", "audio_url": {"url": url}})),
    ("input_audio", _CHAT, "wav", lambda url: _said({"type": "input_audio", "input_audio": {"data": url, "format": "wav"}})),
    ("video_url", _CHAT, "mp4", lambda url: _said({"type": "video_url", "video_url": {"url": url}})),
    ("file_url", _CHAT, "pdf", lambda url: _said({"type": "file_url", "file_url": {"url": url}})),
    ("file", _CHAT, "pdf", lambda url: _said({"type": "file", "file": {"file_url": url, "file_data": url, "filename": "a.pdf"}})),
    ("document", _CHAT, "pdf", lambda url: _said({"type": "document", "source": {"type": "url", "url": url}})),
    ("images of a message", _CHAT, "png", lambda url: {"messages": [{"role": "user", "content": "Hi", "images": [url]}]}),
    ("an address in the text", _CHAT, "html", lambda url: {"messages": [{"role": "user", "content": f"Summarize {url}"}]}),
    ("an address in the system's text", _CHAT, "html", lambda url: {"messages": [{"role": "system", "content": url}, *_HI]}),
    ("documents", _CHAT, "html", lambda url: {"documents": [{"url": url, "text": url}], "context_urls": [url], "urls": [url]}),
    ("a schema elsewhere", _CHAT, "json", _schema),
    ("a tool elsewhere", _CHAT, "json", _tool),
    ("tools elsewhere", _CHAT, "json", lambda url: {"mcp_servers": [{"type": "url", "url": url, "name": "a"}], "tool_server": url}),
    ("an upstream of the caller", _CHAT, "json", lambda url: {"api_base": url, "base_url": url, "api_key": "none", "endpoint": url}),
    ("a callback", _CHAT, "json", lambda url: {"callback_url": url, "webhook": url, "webhook_url": url, "metadata": {"webhook": url}}),
    ("an adapter elsewhere", _CHAT, "bin", lambda url: {"lora": url, "lora_path": url, "adapter": url, "adapter_id": url}),
    ("a template elsewhere", _CHAT, "jinja", lambda url: {"chat_template": url, "prompt_template": url, "grammar": url}),
    ("a model elsewhere", _CHAT, "gguf", lambda url: {"model": url}),
    ("a prompt elsewhere", "/completions", "txt", lambda url: {"prompt": url, "prompt_url": url, "prompt_embeds": url}),
    ("pictures of a prompt", "/completions", "png", lambda url: {"images": [url], "image_data": [{"data": url, "id": 1}]}),
    ("input_image", "/responses", "png", lambda url: _input({"type": "input_image", "image_url": url})),
    ("input_file", "/responses", "pdf", lambda url: _input({"type": "input_file", "file_url": url})),
    ("a tool elsewhere", "/responses", "json", _tool),
    ("a picture", "/messages", "png", lambda url: _said({"type": "image", "source": {"type": "url", "url": url}})),
    ("a picture", "/embeddings", "png", lambda url: {"input": [url], "messages": _picture(url)["messages"]}),
    ("a picture to change", "/images/edits", "png", lambda url: {"image": url, "images": [{"image_url": url}], "prompt": "a"}),
    ("a recording", "/audio/transcriptions", "wav", lambda url: {"url": url, "file": url, "file_url": url}),
    ("a page to read", "/fetch", "html", lambda url: {"url": url}),
    ("a page to rank", "/rerank", "html", lambda url: {"query": "a", "documents": [{"url": url, "text": url}]}),
    ("a file to take", "/files", "pdf", lambda url: {"url": url, "file_url": url, "purpose": "user_data"}),
)  # fmt: skip
