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
from dataclasses import replace
from typing import Final

from privet.check import traefik
from privet.check.components import of_image
from privet.check.compose_services import merged, normal
from privet.check.compose_variables import assigned, filled, replaced
from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.pattern import regex
from privet.check.yaml_facts import by_version, fact, keys
from privet.check.yaml_nodes import Mapping, Node, Scalar, documents
from privet.check.yaml_places import programs

_BASES: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES: Final = tuple(name.replace(".", ".override.", 1) for name in _BASES)
_SKIPPED: Final = frozenset(
    f"compose.{name}" for name in ("environment", "command", "entrypoint", "extends", "configs")
)
_SERVICES: Final = regex(r"(?:^[ \t]*|[{,][ \t]*)[\"']?services[\"']?[ \t]*:", re.MULTILINE)
_SERVICE: Final = regex(
    r"(?:^[ \t]+|[{,][ \t]*)[\"']?(?:image|build|extends|env_file|ports)[\"']?[ \t]*:", re.MULTILINE
)
_NAME: Final = regex(r"(?:docker-|podman-)?compose[^/]*\.ya?ml", re.IGNORECASE)
_YES: Final = frozenset(("true", "yes", "on"))
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
    known = files.known(path)
    units: list[Unit] = []
    for service, (key, _) in own.services.items():
        node = files.service(own, service, _DEPTH)
        networks = own.networks
        if over is not None:
            node = merged(node, files.service(over, service, _DEPTH)) if service in over.services else node
            networks = merged(networks, over.networks)
        units.extend(traefik.of_labels(node.mapping("labels"), text))
        found = files.found(base, service, _DEPTH) if base is not None else None
        if found is None or {"image", "build"} & node.pairs.keys():
            if name not in _OVERRIDES or found is None:
                units.append(_unit(path, service, key, node, networks, known))
        elif name not in _OVERRIDES or base is None or found.path != base.path:
            node = merged(files.service(found, service, _DEPTH), node)
            unit = _unit(path, service, key, node, merged(found.networks, networks), known)
            units.append(replace(unit, over=(found.path, service)))
    if base is not None and name not in _OVERRIDES:
        units.extend(_reconnected(path, own, base, files))
    return Reading(tuple(units), tuple(notes))


def _reconnected(path: str, own: _File, base: _File, files: _Files) -> Iterator[Unit]:
    """Yield the services of the base that a variant does not name, and whose networks it opens or closes all the same."""
    for service, (key, _) in base.services.items():
        if service not in own.services and own.networks.pairs:
            node = files.service(base, service, _DEPTH)
            networks = merged(base.networks, own.networks)
            before, after = (list(_is_internal(key, node, some)) for some in (base.networks, networks))
            if [one.value for one in before] != [one.value for one in after]:
                place = next(iter(own.networks.pairs.values()))[0]
                unit = _unit(path, service, place, node, networks, files.known(path))
                yield replace(unit, over=(base.path, service))


class _File:
    """A compose file's services and networks."""

    def __init__(self, path: str, document: Mapping, known: dict[str, Scalar]) -> None:
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
        networks = filled(document.mapping("networks"), known)
        self.networks = networks if isinstance(networks, Mapping) else document.mapping("networks")
        self.included = [item.text for item in _included(document) if item.value]


def _included(document: Mapping) -> Iterator[Scalar]:
    """Yield the files that a file includes, in either form."""
    for item in document.items("include"):
        for path in item.items("path") if isinstance(item, Mapping) else (item,):
            if isinstance(path, Scalar):
                yield path


class _Files:
    """Compose files and `.env` files of one tree, each read once."""

    def __init__(self, sibling: Sibling) -> None:
        self._sibling = sibling
        self._files: dict[str, _File | None] = {}
        self._known: dict[str, dict[str, Scalar]] = {}

    def add(self, path: str, nodes: list[Node]) -> _File | None:
        found = next((node for node in nodes if isinstance(node, Mapping)), None)
        self._files[path] = _File(path, found, self.known(path)) if found is not None else None
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
            if found is not None and (found.services or found.networks.pairs or found.included):
                return found
        return None

    def found(self, file: _File, service: str, depth: int) -> _File | None:
        """Return the file that has a service, of one and of those that it includes."""
        if service in file.services:
            return file
        for name in file.included if depth else ():
            path = _beside(file.path, name)
            other = self.at(path) if path and path != file.path else None
            found = self.found(other, service, depth - 1) if other is not None else None
            if found is not None:
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


def _unit(path: str, name: str, key: Scalar, service: Mapping, networks: Mapping, known: dict[str, Scalar]) -> Unit:
    """Return a service's unit; `key` is what to point at in the file that the unit is of."""
    components = set(of_image(service.text("image")))
    facts = [fact(Space.ENV, variable, value) for variable, value in _scalars(service.mapping("environment"))]
    for program, started in programs((service.get("entrypoint"), service.get("command"))):
        components |= program
        facts.extend(replaced(one, known, path, key.source.text) for one in started)
    facts.extend(by_version(service.get("image"), facts))
    facts.extend(_as_tmpfs(one) for one in keys(service, "compose", _SKIPPED))
    facts.extend(_is_internal(key, service, networks))
    return Unit(
        UnitKind.SERVICE,
        name,
        path,
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
    """Yield whether a service has no way out: it has no network, or only internal ones. One that is made elsewhere is not known to be."""
    mode = service.get("network_mode")
    if isinstance(mode, Scalar) and mode.value != "":
        shared = mode.value is None or mode.value.startswith(("service:", "container:"))
        yield _internal(None if shared else "true" if mode.value == "none" else "false", mode)
        return
    attached = [item for item in service.items("networks") if isinstance(item, Scalar)]
    named = [(item, networks.get(item.text, "internal")) for item in attached]
    named = named or [(key, networks.get("default", "internal"))]
    closed: list[Node] = []
    unknown: list[Node] = []
    for item, internal in named:
        if isinstance(internal, Scalar) and internal.text.lower() in _YES:
            closed.append(internal)
        elif isinstance(internal, Scalar) and internal.value is None:
            unknown.append(internal)
        else:
            yield _internal("false", internal or item)
            return
    yield _internal(None, unknown[0]) if unknown else _internal("true", closed[0])


def _internal(value: str | None, place: Node) -> Fact:
    return Fact(Space.KEY, "compose.network.internal", value, place.source.path, place.start, place.end)
