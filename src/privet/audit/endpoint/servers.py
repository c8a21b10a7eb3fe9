"""Which program the target is, told by how it answers.

Invariants:

- A gateway in front of an engine is named, not the engine: it is what the user can set.
- At most a dozen requests, of routes that only read; where nothing is sure, the name is empty and remedies are general.

Sources: `owned_by` as each server writes it into its list of models (vllm 0.33 entrypoints/openai/models, sglang 0.5.23
srt/entrypoints/http_server.py, llama.cpp tools/server, ollama server/openai, lmdeploy serve/openai, LM Studio), and routes.toml.
"""

from __future__ import annotations

from typing import Any, Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.client import Client
from privet.audit.endpoint.dialect import Dialect
from privet.audit.endpoint.routes import document_of, names_of

SERVERS: Final = (
    "vllm", "sglang", "tgi", "ollama", "llama.cpp", "litellm", "privet", "triton", "ray", "open-webui", "lmdeploy", "localai", "lm-studio",
)  # fmt: skip
_OWNERS: Final = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llama.cpp",
    "library": "ollama",
    "lmdeploy": "lmdeploy",
    "organization_owner": "lm-studio",
    "privet": "privet",
    "localai": "localai",
}
_HEADERS: Final = (
    ("x-litellm-version", "litellm"),
    ("x-litellm-call-id", "litellm"),
    ("x-litellm-model-id", "litellm"),
)
_BANNERS: Final = (
    ("llama.cpp", "llama.cpp"),
    ("vllm", "vllm"),
    ("sglang", "sglang"),
    ("ollama", "ollama"),
    ("localai", "localai"),
)
# Path, what its JSON has at the top (all of it), what its text holds, the program. The first that fits wins: gateways before engines.
_PLACES: Final[tuple[tuple[str, frozenset[str], str, str], ...]] = (
    ("/health/readiness", frozenset({"litellm_version"}), "", "litellm"),
    ("/health/liveliness", frozenset(), "I'm alive!", "litellm"),
    ("/api/config", frozenset({"name", "version", "features"}), "", "open-webui"),
    ("/get_model_info", frozenset({"model_path", "is_generation"}), "", "sglang"),
    ("/model_info", frozenset({"model_path", "is_generation"}), "", "sglang"),
    ("/info", frozenset({"model_id", "max_concurrent_requests"}), "", "tgi"),
    ("/props", frozenset({"default_generation_settings"}), "", "llama.cpp"),
    ("/v2", frozenset({"name", "extensions"}), "triton", "triton"),
    ("/system", frozenset({"backends", "loaded_models"}), "", "localai"),
    ("/api/v0/models", frozenset({"data", "object"}), "compatibility_type", "lm-studio"),
    ("/", frozenset(), "Ollama is running", "ollama"),
    ("/", frozenset(), "<title>Open WebUI", "open-webui"),
    ("/-/healthz", frozenset(), "success", "ray"),
    ("/api/version/", frozenset({"ray_version"}), "", "ray"),
)  # fmt: skip
_SECONDS: Final = 5.0


async def server_of(client: Client, dialect: Dialect) -> str:
    """Return the name of the program, or nothing."""
    listed = await client.ask("GET", f"{dialect.base}/models", seconds=_SECONDS)
    if not listed.status:
        return ""
    if known := next((name for header, name in _HEADERS if listed.header(header)), "") or _owner(listed):
        return known
    answers: dict[str, Answer] = {}
    for path in dict.fromkeys(place[0] for place in _PLACES):
        answers[path] = await client.ask("GET", path, seconds=_SECONDS, stop_after=65536)
        found = next(
            (name for place, names, text, name in _PLACES if place == path and _fits(answers[path], names, text)), ""
        )
        if found:
            return found
    banner = listed.header("server").casefold()
    return next((name for mark, name in _BANNERS if mark in banner), "")


def _owner(listed: Answer) -> str:
    document = document_of(listed)
    rows: Any = document.get("data") if listed.ok and isinstance(document, dict) else None
    row = rows[0] if isinstance(rows, list) and rows else None
    owner = row.get("owned_by") if isinstance(row, dict) else None
    return _OWNERS.get(owner.casefold(), "") if isinstance(owner, str) else ""


def _fits(answer: Answer, names: frozenset[str], text: str) -> bool:
    if not answer.ok or not (names or text):
        return False
    if names and not names <= names_of(answer):
        return False
    body = answer.text[:4096]
    # A health route says nothing but this word.
    return body.strip() == text if text == "success" else text in body
