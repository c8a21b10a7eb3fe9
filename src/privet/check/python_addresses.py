"""Python modules → the addresses that they name, and the models that they ask, here or at a provider's: for comparing two sides.

The value of an `address` fact is how safe its way is and the address without that, a zero between; that of a `model` fact `local` and
what, or `hosted` and the provider. A client whose address is known only at run time is neither.

Invariant: what is loopback, or a name inside, needs no encryption and is local.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from privet.check.facts import Fact, Space
from privet.check.model_providers import BY_CALL, BY_CLASS, HERE, LIBRARIES, LOCAL, PREFIXED, provider_of_model
from privet.check.pattern import mentions, regex
from privet.check.python_names import Names, Scopes
from privet.check.python_nodes import Parsed
from privet.check.python_places import Places
from privet.check.python_syntax import last_of
from privet.check.values import remote

_SCHEME: Final = regex(
    r"(https?|wss?|grpcs?|rediss?|amqps?|ldaps?|ftps?|sftp|mqtts?|smtps?)://(?=[^\s/])", re.IGNORECASE
)
_PLAIN: Final = {
    "https": "http", "wss": "ws", "grpcs": "grpc", "rediss": "redis", "amqps": "amqp", "ldaps": "ldap", "ftps": "ftp", "sftp": "ftp",
    "mqtts": "mqtt", "smtps": "smtp",
}  # fmt: skip
"""Of each scheme that encrypts the one that does not."""
_MODE: Final = regex(r"[?&\s](ssl_?mode|ssl|tls)=([\w-]+)", re.IGNORECASE)
_MODES: Final = {
    "disable": 0, "false": 0, "disabled": 0, "0": 0, "no": 0, "allow": 0, "prefer": 1, "preferred": 1, "require": 2, "required": 2,
    "true": 2, "1": 2, "verify-ca": 3, "verify_ca": 3, "verify-full": 4, "verify_identity": 4,
}  # fmt: skip

_ADDRESS: Final = frozenset(
    ("base_url", "openai_api_base", "api_base", "azure_endpoint", "endpoint_url", "endpoint", "host", "url", "model", "api_base_url")
)  # fmt: skip
_REMOTE: Final = remote()
_CALLEES: Final = frozenset(name.rpartition(".")[2] for name in (*BY_CLASS, *BY_CALL, *LOCAL, *PREFIXED))
_LONGEST: Final = 2000
"""A longer text is no address."""
INTERESTING: Final = mentions("://|ssl_?mode|boto3|" + "|".join(sorted(_CALLEES)))
"""What stands in a module that names an address or asks a model."""


def facts_of(path: str, code: Parsed) -> tuple[Fact, ...]:
    """Return the addresses and models of a module."""
    reader = _Reader(path, code.names, code.places)
    for text in code.nodes.texts:
        reader.text(text)
    for call, scopes in code.nodes.calls:
        reader.call(call, scopes)
    return tuple(sorted(reader.facts, key=lambda fact: fact.start))


class _Reader:
    """The addresses and models that one module has named so far."""

    def __init__(self, path: str, names: Names, places: Places) -> None:
        self.facts: list[Fact] = []
        self._path = path
        self._names = names
        self._places = places
        self._callees = {alias for alias, name in names.imports.items() if name.rpartition(".")[2] in _CALLEES}
        self._callees |= {*_CALLEES, "client"}

    def text(self, node: ast.Constant | ast.JoinedStr) -> None:
        """Take a text, or one with places that are filled in while running."""
        if isinstance(node, ast.JoinedStr):
            self._formatted(node)
        elif isinstance(node.value, str) and len(node.value) < _LONGEST:
            self._address(node.value, node)

    def _formatted(self, node: ast.JoinedStr) -> None:
        words = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if ("://" in words or "host=" in words) and (node.end_lineno or node.lineno) - node.lineno < 4:
            parts = [
                str(part.value)
                if isinstance(part, ast.Constant)
                else ast.unparse(part.value)
                if isinstance(part, ast.FormattedValue)
                else ""
                for part in node.values
            ]
            self._address(
                "".join(
                    part if isinstance(of, ast.Constant) else "{" + part + "}"
                    for part, of in zip(parts, node.values, strict=True)
                ),
                node,
            )

    def _address(self, text: str, node: ast.expr) -> None:
        scheme = _SCHEME.match(text)
        mode = _MODE.search(text) if "://" in text or "host=" in text else None
        if scheme is None and mode is None:
            return
        if not text.startswith(("http://{", "https://{")) and "://" in text and not _REMOTE.unsafe((text,)):
            return
        rank, bare = 0, text
        if scheme is not None:
            name = scheme[1].lower()
            rank = 10 if name in _PLAIN else 0
            bare = _PLAIN.get(name, name) + text[scheme.end(1) :]
        if mode is not None:
            rank += _MODES.get(mode[2].lower(), 2)
            bare = _MODE.sub("", bare)
        start, end = self._places.of(node)
        self.facts.append(Fact(Space.KEY, "address", f"{rank}\0{bare.rstrip('/')}", self._path, start, end))

    def call(self, node: ast.Call, scopes: Scopes) -> None:
        """Take a call, which may make a client or ask a model."""
        last = last_of(node.func)
        found = self._model(node, last, scopes) if last in self._callees else ""
        if found:
            start, end = self._places.of(node.func)
            self.facts.append(Fact(Space.KEY, "model", found, self._path, start, end))

    def _model(self, node: ast.Call, last: str, scopes: Scopes) -> str:
        dotted = self._names.dotted(node.func)
        tail = ".".join(dotted.split(".")[-2:])
        if last in LOCAL or dotted in LOCAL or tail in LOCAL:
            return f"local\0{last}"
        if dotted in PREFIXED or last in PREFIXED:
            return self._prefixed(node, scopes)
        provider = BY_CALL.get(dotted, "")
        if not provider and last in BY_CLASS and dotted.partition(".")[0] in LIBRARIES:
            provider = BY_CLASS[last]
        if not provider and last in {"client", "Session"} and dotted == "boto3.client":
            service = node.args[0] if node.args else None
            provider = (
                "bedrock" if isinstance(service, ast.Constant) and str(service.value).startswith("bedrock") else ""
            )
        return self._addressed(node, provider, scopes) if provider else ""

    def _addressed(self, node: ast.Call, provider: str, scopes: Scopes) -> str:
        """Return where a client of a provider's library sends: to the provider, unless it is told another address."""
        given = {item.arg: item.value for item in node.keywords if item.arg in _ADDRESS}
        if any(item.arg is None for item in node.keywords):
            return ""
        for name, value in given.items():
            known = self._names.value(value, scopes)
            if name == "model":
                if known is not None and "://" in known.value and not _REMOTE.unsafe((known.value,)):
                    return f"local\0{provider}"
            elif known is None or not ("://" in known.value or "." in known.value or known.value == ""):
                return ""
            elif known.value:
                return f"hosted\0{provider}" if _REMOTE.unsafe((known.value,)) else f"local\0{provider}"
        return f"hosted\0{provider}"

    def _prefixed(self, node: ast.Call, scopes: Scopes) -> str:
        model = next(
            (item.value for item in node.keywords if item.arg in {"model", "model_id"}),
            node.args[0] if node.args else None,
        )
        known = None if model is None else self._names.value(model, scopes)
        base = next((item.value for item in node.keywords if item.arg in {"api_base", "base_url"}), None)
        address = None if base is None else self._names.value(base, scopes)
        if known is None or (base is not None and address is None):
            return ""
        if HERE.match(known.value) or (address is not None and address.value and not _REMOTE.unsafe((address.value,))):
            return "local\0prefixed"
        provider = provider_of_model(known.value)
        return f"hosted\0{provider}" if provider else ""
