"""Names of models: what callers see and say, and what the upstream calls them.

Invariant: no path, host or file ending reaches a caller; a name that the upstream spells as a path is served under its last part.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from privet.errors import UpstreamFailed
from privet.serve.refusals import Refusal
from privet.serve.upstream import ModelServer

_PLAIN: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._+@-]*(?:/[A-Za-z0-9][A-Za-z0-9._+-]*)?(?::[A-Za-z0-9][A-Za-z0-9._-]*)?\Z"
)
_FILE_ENDING: Final = re.compile(r"(?i)\.(?:gguf|ggml|safetensors|bin|pt|pth|onnx|json)\Z")
_REMOTE: Final = re.compile(r"(?i)[:-]cloud\Z|\A(?:hf\.co|huggingface\.co|ollama\.com|modelscope\.cn)/|\.\.")
_MAX_NAME_CHARS: Final = 200
_MAX_LIST_BYTES: Final = 4 * 1024 * 1024


def is_model_name(name: str) -> bool:
    """Tell a name (`llama3.2:3b`, `org/model`) from a path, an address, a file, a hub or a cloud model."""
    plain = len(name) <= _MAX_NAME_CHARS and _PLAIN.match(name) is not None
    return plain and _FILE_ENDING.search(name) is None and _REMOTE.search(name) is None


def public_name(name: str) -> str:
    """Return the name under which callers know an upstream's model.

    >>> public_name("/srv/models/Llama-3.2-1B.gguf"), public_name("org/model")
    ('Llama-3.2-1B', 'org/model')
    """
    if is_model_name(name):
        return name
    last = _FILE_ENDING.sub("", re.split(r"[/\\]", name.rstrip("/\\"))[-1])
    cleaned = re.sub(r"[^A-Za-z0-9._+-]+", "-", last).strip("-._")[:_MAX_NAME_CHARS]
    return cleaned if is_model_name(cleaned) else "model"


class Models:
    """The models of one upstream. With `only`, a single one by that name: the embedded engine's."""

    def __init__(self, server: ModelServer, only: str | None = None) -> None:
        self._server = server
        self._only = only
        self._names: dict[str, str] = {}

    def upstream_name(self, name: str) -> str:
        """Return what the upstream calls the model a caller asks for.

        Raises:
            Refusal: `no-such-model`, where the one model has another name.

        """
        if self._only is not None and name != self._only:
            raise Refusal("no-such-model", "model")
        return self._names.get(name, name)

    async def listed(self) -> list[dict[str, Any]]:
        """Return the models in OpenAI's shape, with public names.

        Raises:
            Refusal: the upstream cannot be reached or its list is not one.

        """
        if self._only is None:
            self._names = {public_name(name): name for name in await self._fetch()}
        names = list(self._names) if self._only is None else [self._only]
        return [{"id": name, "object": "model", "created": 0, "owned_by": "privet"} for name in names]

    async def _fetch(self) -> list[str]:
        try:
            exchange = await self._server.send("GET", "/models")
            if exchange.status != 200:
                exchange.abort()
                raise Refusal("upstream-failed")
            document = msgspec.json.decode(await exchange.read(_MAX_LIST_BYTES))
            return [row["id"] for row in document["data"] if isinstance(row["id"], str)]
        except UpstreamFailed as error:
            raise Refusal("upstream-failed") from error
        except (msgspec.DecodeError, KeyError, TypeError, RecursionError, UnicodeError) as error:
            raise Refusal("upstream-invalid") from error
