"""Compose files → services as they take effect: extended, overridden, with variables of the `.env` beside them.

Source: compose specification. Invariants:

- A service that `compose.override.yml` changes is one unit, of the base file.
- One that another variant changes without an image of its own is a unit of the variant that holds what the base says as well.
- A fact's path is the file that says it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Final

from privet.check.components import of_image
from privet.check.compose_services import merged, normal
from privet.check.compose_variables import assigned, replaced
from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.yaml_facts import by_version, fact, keys
from privet.check.yaml_nodes import Mapping, Node, Scalar, documents
from privet.check.yaml_places import programs

_BASES: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES: Final = tuple(name.replace(".", ".override.", 1) for name in _BASES)
_SKIPPED: Final = frozenset(
    f"compose.{name}" for name in ("environment", "command", "entrypoint", "extends", "configs")
)
_SERVICES: Final = re.compile(r"(?:^[ \t]*|[{,][ \t]*)[\"']?services[\"']?[ \t]*:", re.MULTILINE)
_SERVICE: Final = re.compile(
    r"(?:^[ \t]+|[{,][ \t]*)[\"']?(?:image|build|extends|env_file|ports)[\"']?[ \t]*:", re.MULTILINE
)
_NAME: Final = re.compile(r"(?:docker-|podman-)?compose[^/]*\.ya?ml", re.IGNORECASE)
_DEPTH: Final = 8
"""How many services one may extend in a row."""
Sibling = Callable[[str], str | None]


def is_compose(text: str) -> bool:
    """Tell whether a YAML text looks like a compose file."""
    return bool(_SERVICES.search(text)) and bool(_SERVICE.search(text))


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return a unit for each service of a compose file, as it takes effect."""
    nodes, notes = documents(path, text)
    files = _Files(sibling)
    own = files.add(path, nodes)
    if own is None:
        return Reading(notes=tuple(notes))
    name = path.rsplit("/", 1)[-1]
    base = None if name in _BASES else files.first(path, _BASES)
    over = files.first(path, _OVERRIDES) if name in _BASES else None
    units = []
    for service in own.services:
        if name in _OVERRIDES and base is not None and service in base.services:
            continue
        node = files.service(own, service, _DEPTH)
        networks = [own.networks]
        if over is not None and service in over.services:
            node = merged(node, files.service(over, service, _DEPTH))
            networks.append(over.networks)
        elif base is not None and service in base.services and not {"image", "build"} & node.pairs.keys():
            node = merged(files.service(base, service, _DEPTH), node)
            networks.insert(0, base.networks)
        units.append(_unit(own, service, node, _all(networks), files.known(path)))
    return Reading(tuple(units), tuple(notes))


class _File:
    """A compose file's services and networks."""

    def __init__(self, path: str, document: Mapping) -> None:
        self.path = path
        services = document.get("services")
        if not isinstance(services, Mapping) and _NAME.fullmatch(path.rsplit("/", 1)[-1]):
            services = document  # the first version of the format had nothing else
        self.services = {
            name: (key, node)
            for name, (key, node) in (services.pairs.items() if isinstance(services, Mapping) else ())
            if isinstance(node, Mapping)
            and (services is not document or "image" in node.pairs or "build" in node.pairs)
        }
        self.networks = document.mapping("networks")


class _Files:
    """Compose files and `.env` files of one tree, each read once."""

    def __init__(self, sibling: Sibling) -> None:
        self._sibling = sibling
        self._files: dict[str, _File | None] = {}
        self._known: dict[str, dict[str, Scalar]] = {}

    def add(self, path: str, nodes: list[Node]) -> _File | None:
        found = next((node for node in nodes if isinstance(node, Mapping)), None)
        self._files[path] = _File(path, found) if found is not None else None
        return self._files[path]

    def at(self, path: str) -> _File | None:
        if path not in self._files:
            text = self._sibling(path)
            self.add(path, documents(path, text)[0] if text else [])
        return self._files[path]

    def first(self, path: str, names: tuple[str, ...]) -> _File | None:
        """Return the first file of these names beside a path that has services."""
        for name in names:
            beside = _beside(path, name)
            found = self.at(beside) if beside and beside != path else None
            if found is not None and found.services:
                return found
        return None

    def known(self, path: str) -> dict[str, Scalar]:
        beside = _beside(path, ".env") or ".env"
        if beside not in self._known:
            text = self._sibling(beside)
            self._known[beside] = assigned(beside, text) if text else {}
        return self._known[beside]

    def service(self, file: _File, name: str, depth: int) -> Mapping:
        """Return a service in its one form, over the one that it extends."""
        node = file.services[name][1]
        extends = node.get("extends")
        own = normal(node, self.known(file.path))
        if extends is None or not depth:
            return own
        target = extends.text("service") if isinstance(extends, Mapping) else _text(extends)
        path = extends.text("file") if isinstance(extends, Mapping) else ""
        other = self.at(_beside(file.path, path) or "") if path else file
        if other is None or target not in other.services:
            return own
        return merged(self.service(other, target, depth - 1), own)


def _text(node: Node) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _beside(path: str, *parts: str) -> str | None:
    """Return a path relative to a file's folder, or None when it leaves the tree."""
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), *parts))
    return None if found.startswith(("../", "/")) or found == ".." else found


def _all(networks: list[Mapping]) -> Mapping:
    found = networks[0]
    for more in networks[1:]:
        found = merged(found, more)
    return found


def _unit(file: _File, name: str, service: Mapping, networks: Mapping, known: dict[str, Scalar]) -> Unit:
    key = file.services[name][0]
    components = set(of_image(service.text("image")))
    facts = [fact(Space.ENV, variable, value) for variable, value in _scalars(service.mapping("environment"))]
    for program, started in programs((service.get("entrypoint"), service.get("command"))):
        components |= program
        facts.extend(replaced(one, known, file.path, key.source.text) for one in started)
    facts.extend(by_version(service.get("image"), facts))
    facts.extend(_as_tmpfs(one) for one in keys(service, "compose", _SKIPPED))
    facts.extend(_is_internal(key, service, networks))
    return Unit(
        UnitKind.SERVICE,
        name,
        file.path,
        key.start,
        key.end,
        frozenset(components),
        tuple(facts),
        tuple(_parents(service)),
    )


def _as_tmpfs(one: Fact) -> Fact:
    """Return a volume of type tmpfs as what it is the long form of."""
    kind, _, target = (one.value or "").partition(":")
    is_tmpfs = one.name == "compose.volumes[]" and kind == "tmpfs" and target.startswith("/")
    return one._replace(name="compose.tmpfs[]", value=target) if is_tmpfs else one


def _scalars(mapping: Mapping) -> Iterator[tuple[str, Scalar]]:
    for name, (_, value) in mapping.pairs.items():
        if isinstance(value, Scalar):
            yield name, value


def _parents(service: Mapping) -> Iterator[str]:
    """Yield where a service's environment comes from besides: the last env file is the strongest, the image the weakest."""
    for item in reversed(service.items("env_file")):
        if isinstance(item, Scalar) and item.value:
            found = _beside(item.source.path, item.value)
            if found:
                yield f"file:{found}"
    build = service.mapping("build")
    context = build.get("context")
    if isinstance(context, Scalar) and context.value is not None and "://" not in context.value:
        found = _beside(context.source.path, context.value, build.text("dockerfile") or "Dockerfile")
        target = build.text("target")
        if found:
            yield f"stage:{found}:{target}" if target else f"image:{found}"


def _is_internal(key: Scalar, service: Mapping, networks: Mapping) -> Iterator[Fact]:
    """Yield that a service has no way out: it has no network, or only internal ones. What is not in the file is not known."""
    mode = service.get("network_mode")
    name = "compose.network.internal"
    if isinstance(mode, Scalar) and mode.value != "":
        shared = mode.value is None or mode.value.startswith(("service:", "container:"))
        if shared or mode.value == "none":
            yield Fact(Space.KEY, name, None if shared else "true", mode.source.path, mode.start, mode.end)
        return
    of_service = [item.text for item in service.items("networks") if isinstance(item, Scalar)] or ["default"]
    found: list[Node] = []
    for network in of_service:
        internal = networks.get(network, "internal")
        if isinstance(internal, Scalar) and internal.text.lower() in {"true", "yes", "on"}:
            found.append(internal)
        elif networks.get(network, "external") is None:
            return
    place = found[0] if found else key
    yield Fact(
        Space.KEY, name, "true" if len(found) == len(of_service) else None, place.source.path, place.start, place.end
    )
