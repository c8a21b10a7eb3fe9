"""What answers and errors tell of the machine behind them: traces of the program, paths, versions, hosts, variables.

Invariants:

- What a model wrote is not looked at: a model may say `/usr/bin` to anybody. Neither is what was asked.
- The web server in front is named by nearly every answer of the web, often with its version; that is said, and no failure. The engine is
  what holds the prompts, and its version tells which of its holes are open. `system_fingerprint` is a field of the API (a note).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from privet.audit.endpoint.answer import Answer
from privet.audit.endpoint.reply import reply_of

_TRACES: Final = re.compile(
    r"Traceback \(most recent call last\)"
    r"|\bFile \\?\"[^\"\n]{1,300}\\?\", line \d+"
    r"|(?m:^|\\n|[\"\s])(?:\\t|\s){0,8}at [\w$.<>\[\]/ ]{1,120}\([^()\n]{1,200}:\d+(?::\d+)?\)"
    r"|\bgoroutine \d+ \[|\bpanic: |panicked at |\bstack backtrace:|\bException in thread \""
    r"|(?<![\w/-])[\w/-]{1,200}\.(?:rs|go|cpp|cc|cu|py|rb|php|js|ts):\d+(?::\d+)?\b"
    r"|\\?\"(?:traceback|stack_?trace|stack|backtrace|exc_info|exception_chain)\\?\"\s*:\s*(?:\\?\"[^\"]{8}|\[\s*[\"{])",
    re.IGNORECASE,
)
_ROOTS: Final = "home|root|Users|usr|opt|var|tmp|srv|mnt|etc|private|Volumes|nix|proc|workspace|snap|run/user|lib64"
_LOOSE: Final = "data|models?|app|weights|checkpoints?|cache|storage|content|code|src|repo|vllm-workspace|llama|ollama"
_WEIGHTS: Final = "gguf|ggml|safetensors|bin|pt|pth|ckpt|onnx"
_ENDINGS: Final = rf"{_WEIGHTS}|py|so|json|ya?ml|toml|cfg|conf|log|db|sqlite3?|sock|pem|crt|key|jinja2?|txt|cpp|rs|go"
_BEFORE: Final = r"(?<![\w.:/@%-])"
_PATHS: Final = re.compile(
    rf"{_BEFORE}/(?:{_ROOTS})/[\w.@+-]+"
    rf"|{_BEFORE}/(?:{_LOOSE})(?:/[\w.@+-]+)+\.(?:{_ENDINGS})\b"
    rf"|{_BEFORE}~/[\w.@+-]+/[\w.@+-]+"
    rf"|{_BEFORE}\.\.?/[\w./@+-]+\.(?:{_ENDINGS})\b"
    r"|\bfile:///[\w.@+-]+"
    r"|(?<![\w])[A-Z]:\\{1,2}(?:Users|Windows|Program Files|models|data|[\w.-]+\\{1,2}[\w.-]+)"
    r"|\bmodels--[\w.-]+--[\w.-]+/snapshots/"
)
_MODEL_PATH: Final = re.compile(rf"^(?:/|~/|\.\.?/|[A-Za-z]:\\|file:)|[/\\][^/\\]+\.(?:{_WEIGHTS})$")
"""In a field that names a model: an absolute or relative path, or a file in a folder."""
_MODEL_FIELDS: Final = frozenset(
    ("model", "id", "root", "parent", "model_path", "model_id", "path", "data.id", "data.root", "data.parent")
)
_ENGINES: Final = (
    r"vllm|sglang|llama[._-]?cpp|llama-server|ollama|litellm|text-generation-inference|tgi|tensorrt[_-]?llm|triton(?:server)?|lmdeploy|localai"
    r"|transformers|torch|pytorch|cuda|xllamacpp|llama_cpp_python|fastapi|starlette|pydantic(?:[_-]core)?|flask|django|express|tornado|ray"
)
_VERSIONS: Final = re.compile(
    rf"\b(?:{_ENGINES})[ \t/_=:v(-]{{1,3}}\d+\.\d+[\w.+-]*|errors\.pydantic\.dev/\d[\d.]*|\bpython/?\s?[23]\.\d+\.\d+",
    re.IGNORECASE,
)
_VERSION_FIELDS: Final = re.compile(
    r"(?:^|\.)(?:version|build|build_info|build_number|engine_version|server_version|commit|git_(?:sha|commit|hash)|revision|sha|release"
    r"|\w+_version)$"
)
_NUMBERED: Final = re.compile(r"\d+\.\d+|^[0-9a-f]{7,40}$|\bb\d{3,}\b")
_FRONTS: Final = re.compile(
    r"(?:basehttp|simplehttp|python|werkzeug|aiohttp|gunicorn|uvicorn|hypercorn|daphne|waitress|tornadoserver|cheroot|nginx|openresty|apache"
    r"|envoy|istio-envoy|caddy|traefik|haproxy|cloudflare|awselb|(?:microsoft-)?iis|kestrel|jetty|undertow|h2o|lighttpd|openssl|ubuntu|debian)"
    r"(?:/[\w.+-]+)?",
    re.IGNORECASE,
)
_SAYS: Final = re.compile(
    r"^(?:choices|message|output|content|response|delta|item|part|candidates|results?|data|generated_text|completion|text)(?:\.|$)",
    re.IGNORECASE,
)
_SAID: Final = re.compile(
    r"content|text|reasoning|thinking|refusal|arguments|logprobs|tokens?$|response|delta|completion", re.IGNORECASE
)
_BANNERS: Final = ("server", "x-powered-by", "x-aspnet-version", "x-generator", "x-version", "x-server-version")
_LABELS: Final = frozenset(("system_fingerprint", "id"))
"""Fields that are made to tell one answer, or one set-up, from another."""
_NAMED_HEADERS: Final = (
    "x-served-by", "x-backend", "x-backend-server", "x-upstream", "x-upstream-addr", "x-upstream-server", "x-real-host", "x-hostname",
    "x-host", "x-node", "x-pod", "x-pod-name", "x-container", "x-container-id", "x-instance", "x-instance-id", "x-worker",
    "x-worker-id", "x-server-name", "x-server-id", "x-litellm-model-api-base", "x-envoy-upstream-host", "x-envoy-peer-metadata",
    "x-engine-host", "x-machine", "x-replica",
)  # fmt: skip
_QUIET: Final = frozenset(
    (
        *_BANNERS, "location", "content-location", "link", "content-type", "date", "etag", "set-cookie", "access-control-allow-origin",
        "report-to", "via", "api-supported-versions",
    )
)  # fmt: skip
_HOSTS: Final = re.compile(
    r"\b(?:https?|wss?|grpc|redis|postgres(?:ql)?|mysql|mongodb|amqp|s3|tcp)://(?:[^\s/@\"'<>]*@)?"
    r"(?:10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+|127\.\d+\.\d+\.\d+|0\.0\.0\.0|169\.254\.\d+\.\d+|localhost"
    r"|\[::1?\]|host\.docker\.internal|[\w-]+(?:\.[\w-]+)*\.(?:internal|local|lan|svc|cluster\.local|corp|intranet|home\.arpa)|[a-z][\w-]*:\d{2,5})(?::\d+)?"
    r"|(?<![\d.])(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}(?::\d{2,5})?(?![\d.])"
    r"|\bhost='?[\w.-]+'?, port=\d+|\b(?:[\w-]{1,63}\.){1,4}svc\.cluster\.local\b",
    re.IGNORECASE,
)
_VARIABLES: Final = re.compile(
    r"\\?\"?\b(?:PATH|HOME|PWD|HOSTNAME|PYTHONPATH|VIRTUAL_ENV|LD_LIBRARY_PATH|HF_TOKEN|HUGGING_FACE_HUB_TOKEN|HF_HOME|CUDA_VISIBLE_DEVICES"
    r"|NVIDIA_VISIBLE_DEVICES|KUBERNETES_\w+|AWS_\w+|DATABASE_URL|REDIS_URL|[A-Z]+_API_KEY|[A-Z_]+_MASTER_KEY|VLLM_\w+|OLLAMA_\w+|LITELLM_\w+"
    r"|SGLANG_\w+|LLAMA_ARG_\w+)\b\\?\"?\s*[=:]\s*\\?[\"']?[\w/.$:~+-]{2,}"
)
_MOST_CHARS: Final = 1 << 18
"""So much of a text is looked at, whatever a hostile server sends."""
_DEBUG: Final = frozenset(
    (
        "__verbose",
        "debug",
        "generation_settings",
        "raw_request",
        "raw_response",
        "trace",
        "internal",
        "_internal",
        "config",
    )
)


def tales(answer: Answer, own: Iterable[str], asked: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return what an answer tells, each with the remedy for it. `own` are addresses of the target, `asked` is what stood in the request."""
    known = [*asked, *own]
    places = {"headers": _headers(answer), "an answer" if answer.ok else "an error": _body(answer)}
    found = []
    for place, whole in places.items():
        text = whole[:_MOST_CHARS]
        for each in known:
            text = text.replace(each, " ") if each else text
        found += [(f"{name} in {place}", fix) for name, pattern, fix in _TALES if pattern.search(text)]
    return found + _fields(answer, known) + _banners(answer)


_TALES: Final = (
    ("a trace of the program", _TRACES, "traces"),
    ("a path of the machine", _PATHS, "paths"),
    ("the version of a component", _VERSIONS, "versions"),
    ("an internal address", _HOSTS, "internal-addresses"),
    ("a variable of the environment", _VARIABLES, "variables"),
)


def _headers(answer: Answer) -> str:
    """Return the headers that are no banner and no place to go."""
    return "\n".join(f"{name}: {value}" for name, value in answer.headers if name not in _QUIET)


def _body(answer: Answer) -> str:
    """Return what the server wrote: of a model's answer without what the model said, of a page of its own nothing."""
    if not answer.ok:
        return answer.text
    if answer.content_type == "text/html":
        return ""
    reply = reply_of(answer)
    if not reply.is_model and "body" in reply.channels:
        return answer.text
    return "\n".join(
        f'"{name}": "{text}"' for name, text in reply.channels.items() if not is_said(name) and name not in _LABELS
    )


def is_said(channel: str) -> bool:
    """Tell whether a channel holds what a model wrote."""
    if channel == "message" or ".input" in channel or ".prompt" in channel:
        return False  # of an error, or what was asked
    return bool(_SAYS.search(channel) and _SAID.search(channel))


def _fields(answer: Answer, known: Iterable[str]) -> list[tuple[str, str]]:
    """Return what fields tell by their own name: paths of models, versions, debugging."""
    asked = set(known)
    found = []
    for name, text in reply_of(answer).channels.items():
        lines = [line for line in text.splitlines() if line not in asked]
        if name in _MODEL_FIELDS and any(_MODEL_PATH.search(line) for line in lines):
            found.append(("the path of the model", "model-path"))
        if _VERSION_FIELDS.search(name) and any(_NUMBERED.search(line) for line in lines):
            found.append((f"a version in {'an answer' if answer.ok else 'an error'}", "versions"))
        if answer.ok and name.partition(".")[0] in _DEBUG:
            found.append(("a field for debugging", "debug-fields"))
    return list(dict.fromkeys(found))


def _banners(answer: Answer) -> list[tuple[str, str]]:
    found = []
    for name in _BANNERS:
        rest = _FRONTS.sub("", " ".join(answer.values(name)))
        if re.search(r"\d+\.\d+|/\s*v?\d|\bb\d{3,}", rest):
            found.append((f"a version in the header {name}", "versions"))
    if any(
        "version" in name and re.search(r"\d+\.\d+", value) for name, value in answer.headers if name not in _BANNERS
    ):
        found.append(("a version in a header", "versions"))
    found += [
        (f"an internal name in the header {name}", "internal-addresses")
        for name in _NAMED_HEADERS
        if answer.header(name).strip()
    ]
    return found


def remarks(answer: Answer) -> list[str]:
    """Return what is told but is no failure."""
    said = []
    if value := answer.header("server"):
        said.append(
            "the header server names the web server" + (" and its version" if re.search(r"\d\.\d", value) else "")
        )
    channels = reply_of(answer).channels
    if answer.ok and any(name.startswith("timings") for name in channels):
        said.append("answers hold timings of the engine")
    if _VERSIONS.search(channels.get("system_fingerprint", "")):
        said.append("system_fingerprint holds the version of the engine (vLLM: --fingerprint-mode none)")
    if answer.status >= 500:
        said.append("a request that is not well-formed ends in an error of the server (5xx)")
    return said
