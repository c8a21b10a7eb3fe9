"""Helm charts: values files as settings of the programs that the chart installs, templates as the manifests that they become.

Invariants: a values file beside `values.yaml` is read as what lies over it; the settings below a dependency's name are that chart's
own; a template that is not YAML is a note, and the variables that are plain in it are told all the same.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from privet.check import kubernetes
from privet.check.components import of_image
from privet.check.facts import Fact, Note, Reading, Space, Unit, UnitKind
from privet.check.go_expressions import Names
from privet.check.go_templates import bodies, closed, helpers, opened
from privet.check.known import VARIABLES
from privet.check.pattern import regex
from privet.check.readers import Sibling
from privet.check.yaml_facts import is_variable, keys, scattered, variables
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, documents

_CHARTS: Final = {
    "qdrant": "qdrant", "weaviate": "weaviate", "open-webui": "open-webui", "openwebui": "open-webui",
    "ollama": "ollama", "langfuse": "langfuse-server", "vllm-stack": "production-stack", "vllm": "vllm",
    "production-stack": "production-stack", "ray-cluster": "ray", "kuberay": "ray", "litellm": "litellm",
    "litellm-helm": "litellm", "mlflow": "mlflow", "milvus": "milvus", "chromadb": "chroma", "chroma": "chroma",
    "postgresql": "postgres", "redis": "redis", "minio": "minio", "grafana": "grafana",
    "elasticsearch": "elasticsearch", "n8n": "n8n", "dify": "dify", "phoenix": "phoenix", "phoenix-helm": "phoenix",
    "flowise": "flowise", "langflow": "langflow", "localai": "localai", "local-ai": "localai",
    "label-studio": "label-studio", "zenml": "zenml", "dagster": "dagster", "prefect-server": "prefect",
    "opentelemetry-collector": "otel-collector", "jupyterhub": "jupyter", "lmcache": "lmcache",
}  # fmt: skip
"""Components by the name of their chart."""
_TELLING: Final = {
    "servingEngineSpec": "production-stack",
    "routerSpec": "production-stack",
    "cacheserverSpec": "production-stack",
}
"""Components by a key that only their chart has."""
_CONFIGURED: Final = {
    "qdrant": "config",
    "milvus": "extraConfigFiles",
    "litellm": "proxy_config",
    "otel-collector": "config",
}
"""The key below which a chart has the program's own config file."""
_TLS: Final = "k8s.ingress.spec.tls[].secretName"
_HELPERS: Final = (
    "_helpers.tpl",
    "_helpers.yaml",
    "_env.tpl",
    "_pod.tpl",
    "_container.tpl",
    "_common.tpl",
    "_security.tpl",
)
"""Files of a chart that have named templates, by the names that they usually have."""
_DEEPEST: Final = 8
"""How many named templates one may write inside another."""
_POD: Final = frozenset(("podSecurityContext",))
_CONTAINER: Final = frozenset(("securityContext", "containerSecurityContext"))
_PAIR: Final = regex(
    r"^[ \t]*(?:-[ \t]+)?(?:name:[ \t]*[\"']?(?P<name>[A-Z][A-Z0-9_]+)[\"']?[ \t]*\r?\n[ \t]*value:|[\"']?(?P<key>[A-Z][A-Z0-9_]+)[\"']?:)"
    r"[ \t]*(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s#{\"'][^\s#{]*(?:[ \t]+[^\s#{]+)*)[ \t]*\r?$",
    re.MULTILINE,
)


def read_values(path: str, text: str, sibling: Sibling) -> Reading:
    """Return the settings of a values file, over those of the chart's own."""
    nodes, notes = documents(path, text)
    own = next((node for node in nodes if isinstance(node, Mapping)), None)
    if own is None:
        return Reading(notes=tuple(notes))
    folder, _, name = path.rpartition("/")
    beside = posixpath.join(folder, "values.yaml")
    base = None if path == beside else _first(beside, sibling)
    values = _over(base, own) if base is not None else own
    chart = _first(posixpath.join(folder, "Chart.yaml"), sibling)
    named = set() if chart is not None else _of_name(name) or _of_name(folder.rsplit("/", 1)[-1])
    main = _unit(path, name, values, _of_chart(chart, values) | named)
    more = [*(_replaced(base, own) if base is not None else ()), *(_ingress_tls(values) if chart is None else ())]
    units = [replace(main, facts=(*main.facts, *more))]
    for dependency, component in _dependencies(chart, values):
        below = values.mapping(dependency)
        unit = _unit(path, f"{name}/{dependency}", below, {component} if component else set())
        # What the chart's own templates make of its values is read there; those of others are not in this repository.
        units.append(unit if chart is None else replace(unit, facts=(*unit.facts, *_ingress_tls(below))))
    return Reading(tuple(units), tuple(notes))


def _over(base: Mapping, own: Mapping) -> Mapping:
    """Return values laid over others as Helm does: mappings key by key, everything else as a whole; null takes a key away."""
    pairs = dict(base.pairs)
    for name, (key, value) in own.pairs.items():
        below = base.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            pairs[name] = (key, _over(below, value))
        elif isinstance(value, Scalar) and value.value == "" and not value.style:
            pairs.pop(name, None)
        else:
            pairs[name] = (key, value)
    return Mapping(pairs, own.start, own.end, own.source, own.tag, own.size)


def _replaced(base: Node, own: Node) -> Iterator[Fact]:
    """Yield as empty each known variable of a list that another list takes the place of, without it."""
    if isinstance(base, Mapping) and isinstance(own, Mapping):
        for name, (_, value) in own.pairs.items():
            if name in base.pairs:
                yield from _replaced(base.pairs[name][1], value)
    elif isinstance(base, Items) and isinstance(own, Items):
        here = variables(own)
        for name in variables(base):
            if name in VARIABLES and name not in here:
                yield Fact(Space.ENV, name, "", own.source.path, own.start, own.end)


def _first(path: str, sibling: Sibling) -> Mapping | None:
    text = sibling(path)
    return _read(path, text) if text else None


@lru_cache(maxsize=8)  # every template of a chart asks for the same files
def _read(path: str, text: str) -> Mapping | None:
    return next((node for node in documents(path, text)[0] if isinstance(node, Mapping)), None)


def _of_chart(chart: Mapping | None, values: Mapping) -> set[str]:
    found = {component for key, component in _TELLING.items() if key in values.pairs}
    name = chart.text("name").lower() if chart is not None else ""
    return found | ({_CHARTS[name]} if name in _CHARTS else set())


def _of_name(name: str) -> set[str]:
    """Return the component whose chart a values file without a chart of its own is for: `qdrant-values.yaml`, `values-qdrant.yaml`."""
    chart = re.sub(r"(?:^|[._-])values(?:[._-]|$)|[._-]?ya?ml$", "", name.lower()).strip("._-")
    return {_CHARTS[chart]} if chart in _CHARTS else set()


def _dependencies(chart: Mapping | None, values: Mapping) -> Iterator[tuple[str, str]]:
    names = {}
    for item in chart.items("dependencies") if chart is not None else ():
        if isinstance(item, Mapping):
            names[item.text("alias") or item.text("name")] = _CHARTS.get(item.text("name").lower(), "")
    for key, (_, node) in values.pairs.items():
        component = names.get(key, _CHARTS.get(key.lower(), ""))
        if isinstance(node, Mapping) and (component or key in names):
            yield key, component


def _unit(path: str, name: str, values: Mapping, components: set[str]) -> Unit:
    facts = [*keys(values, ""), *scattered(values, VARIABLES), *_as_manifest(values)]
    for component in components & _CONFIGURED.keys():
        facts.extend(keys(values.mapping(_CONFIGURED[component]), ""))
    if "/" not in name:
        components |= {component for image in _images(values) for component in of_image(image)}
    place = next(iter(values.pairs.values()))[0] if values.pairs else values
    start, end = (place.start, place.end) if place.source.path == path else (0, 0)
    return Unit(UnitKind.CONFIG, name, path, start, end, frozenset(components), tuple(facts))


def _images(node: Node) -> Iterator[str]:
    if isinstance(node, Items):
        for item in node.items:
            yield from _images(item)
    elif isinstance(node, Mapping):
        for key, (_, value) in node.pairs.items():
            if isinstance(value, Scalar):
                if key in {"image", "repository"} and value.text:
                    yield value.text if ":" in value.text else value.text + ":"
            else:
                yield from _images(value)


def _as_manifest(node: Node) -> Iterator[Fact]:
    """Yield what charts by custom pass on as it is: security contexts, service types, host namespaces."""
    if isinstance(node, Items):
        for item in node.items:
            yield from _as_manifest(item)
        return
    if isinstance(node, Scalar):
        return
    for key, (_, value) in node.pairs.items():
        if key in _POD:
            yield from keys(value, "k8s.pod.securityContext")
        elif key in _CONTAINER:
            yield from keys(value, "k8s.container.securityContext")
        elif key in {"service", "servicePort"} and isinstance(value, Mapping) and isinstance(value.get("type"), Scalar):
            yield from keys(value.pairs["type"][1], "k8s.service.spec.type")
        elif key in {"hostNetwork", "hostPID", "hostIPC", "automountServiceAccountToken", "shareProcessNamespace"}:
            yield from keys(value, f"k8s.pod.{key}")
        else:
            yield from _as_manifest(value)


def _ingress_tls(values: Mapping) -> Iterator[Fact]:
    """Yield by what each Ingress speaks TLS; where there is none, or none is on, that nothing has to."""
    found = [node for node in _ingresses(values) if node.text("enabled").lower() not in {"false", "no", "off"}]
    for node in found:
        tls = node.get("tls")
        if isinstance(tls, Scalar) and tls.text.lower() in {"true", "yes", "on"}:
            yield from keys(tls, _TLS)
        elif tls is not None and not isinstance(tls, Scalar):
            yield from keys(tls, _TLS.partition("[")[0])
    if not found:
        yield Fact(Space.KEY, _TLS, None, values.source.path, values.start, values.start)


def _ingresses(node: Node) -> Iterator[Mapping]:
    if isinstance(node, Mapping):
        for key, (_, value) in node.pairs.items():
            if key.lower().endswith("ingress") and isinstance(value, Mapping):
                yield value
            else:
                yield from _ingresses(value)


def read_template(path: str, text: str, sibling: Sibling) -> Reading:
    """Return the units of the manifests that a template makes with the chart's own values."""
    parts = path.split("/")
    folder = "/".join(parts[: parts.index("templates")])
    beside = _Helpers(posixpath.join(folder, "templates"), sibling)
    names = Names(
        _first(posixpath.join(folder, "values.yaml"), sibling),
        _first(posixpath.join(folder, "Chart.yaml"), sibling),
        helpers=beside.short,
        written=beside.written,
    )
    template = opened(path, text, names)
    if not kubernetes.is_manifest(template.text):
        return _plain(path, text, ())
    nodes, notes = documents(path, template.text, text)
    reading = kubernetes.units_of(list(kubernetes.objects(closed(node, template) for node in nodes)), path, notes)
    return _plain(path, text, tuple(notes)) if notes and not reading.units else reading


class _Helpers:
    """The named templates of a chart: those of one action as they are, longer ones as the YAML that they write."""

    def __init__(self, folder: str, sibling: Sibling) -> None:
        self._files: list[tuple[str, str]] = []
        self.short: dict[str, str] = {}
        for name in _HELPERS:
            path = posixpath.join(folder, name)
            text = sibling(path)
            if text:
                self._files.append((path, text))
                self.short |= helpers(text)
        self._known: dict[str, Node | None] = {}
        self._open: set[str] = set()

    def written(self, name: str, scope: Node | None, names: Names) -> Node | None:
        """Return what a template writes where its dot is `scope`; one that names itself writes nothing."""
        if scope is None and name in self._known:
            return self._known[name]
        place = next(((path, text, bodies(text)[name]) for path, text in self._files if name in bodies(text)), None)
        if place is None or name in self._open or len(self._open) > _DEEPEST:
            return None
        path, text, span = place
        self._open.add(name)
        template = opened(path, text, names._replace(variables={}), scope, span)
        self._open.discard(name)
        node = next(iter(documents(path, template.text, text)[0]), None)
        found = closed(node, template) if isinstance(node, Mapping | Items) else None
        if scope is None:
            self._known[name] = found
        return found


def _plain(path: str, text: str, notes: tuple[Note, ...]) -> Reading:
    """Return the variables that stand plainly in a text that is no YAML."""
    facts = tuple(
        Fact(Space.ENV, found["name"] or found["key"], found["value"].strip("\"'"), path, *found.span("value"))
        for found in _PAIR.finditer(text)
        if (found["name"] or found["key"]) in VARIABLES or (found["name"] and is_variable(found["name"]))
    )
    name = path.rsplit("/", 1)[-1]
    units = (Unit(UnitKind.ENVIRONMENT, name, path, 0, 0, facts=facts),) if facts else ()
    return Reading(units, notes)
