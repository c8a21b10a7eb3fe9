"""Pod templates inside Kubernetes objects → the pod's own settings, and each container with what it inherits.

Invariants: list items have no index in a name; a value that another object holds is None unless a ConfigMap of the same file has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from typing import Final, NamedTuple

from privet.check.components import of_image
from privet.check.facts import Fact, Space, Unit, UnitKind
from privet.check.kubernetes_signs import literal_secrets, shipping
from privet.check.pattern import regex
from privet.check.selectors import LABEL, NAMESPACE
from privet.check.yaml_facts import by_version, fact, keys, variables
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar
from privet.check.yaml_places import programs

_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
_INHERITED: Final = (
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
    "seccompProfile",
    "seLinuxOptions",
    "windowsOptions",
    "appArmorProfile",
)
"""Settings of a pod's securityContext that count for its containers."""
_SKIPPED: Final = frozenset(f"k8s.container.{name}" for name in ("name", "env", "envFrom", "command", "args"))
_REFERENCE: Final = regex(r"\$\(([A-Za-z_][\w.-]*)\)")
_SERVED: Final = {"huggingface": "vllm", "vllm": "vllm", "triton": "triton", "mlflow": "mlflow"}
"""What a KServe model format is served with."""
_ROLES: Final = ("model", "huggingface", "triton", "pytorch", "tensorflow", "sklearn", "onnx", "vllm")
"""Keys below which KServe has a container that is not in a list."""

_COMPONENTS: Final = ("predictor", "transformer", "explainer")
"""What KServe calls the parts of a service; each is a pod template with more keys."""


class Pod(NamedTuple):
    """A pod template: the workload's name, where to point at, the template's path in the object, its spec, what is beside that."""

    name: str
    place: Node
    path: str
    spec: Mapping
    beside: Mapping | None
    namespace: str


def pods(item: Mapping, name: str) -> Iterator[Pod]:
    """Yield the pod templates of an object; a second one has its group's name as well."""
    place = item.get("metadata", "name") or item.get("kind") or item
    namespace = item.text("metadata", "namespace")
    for count, (path, spec, group, beside) in enumerate(_specs(item, "", "", None), 1):
        yield Pod(name if count == 1 else f"{name}/{group or count}", place, path, spec, beside, namespace)


def _specs(
    node: Node, path: str, group: str, parent: Mapping | None
) -> Iterator[tuple[str, Mapping, str, Mapping | None]]:
    if isinstance(node, Items):
        for item in node.items:
            inner = item.text("groupName") or item.text("name") if isinstance(item, Mapping) else ""
            yield from _specs(item, path + "[]", inner or group, None)
    elif isinstance(node, Mapping):
        if _is_pod(node):
            yield path, node, group, parent if path.endswith("spec") else None
            return
        for key, (_, value) in node.pairs.items():
            if not isinstance(value, Scalar) and key != "status":
                inner = group if key in _TRANSPARENT else key
                yield from _specs(value, f"{path}.{key}" if path else key, inner, node)


_TRANSPARENT: Final = frozenset(("spec", "template", "metadata"))


def _is_pod(node: Mapping) -> bool:
    listed = node.get("containers")
    if isinstance(listed, Items):
        return any(isinstance(item, Mapping) and {"name", "image"} & item.pairs.keys() for item in listed.items)
    return any(isinstance(node.get(role), Mapping) and _is_served(node.mapping(role)) for role in _ROLES)


def _is_served(node: Mapping) -> bool:
    return bool({"storageUri", "modelFormat", "storage", "runtime"} & node.pairs.keys())


def own_paths(pod: Pod) -> tuple[str, ...]:
    """Return the paths in the object that are told of the pod and its containers; what else a served model says is the object's own."""
    if any(role in pod.spec.pairs for role in _ROLES) and pod.path.endswith(_COMPONENTS):
        return tuple(f"{pod.path}.{name}" for name in (*_CONTAINERS, *_ROLES))
    return (pod.path,)


def resource(pod: Pod, path: str, more: Iterable[Fact] = ()) -> Unit:
    """Return what a pod sets for itself, and `more` that its object says."""
    skipped = {f"k8s.pod.{name}" for name in (*_CONTAINERS, *_ROLES)}
    facts = list(keys(pod.spec, "k8s.pod", skipped))
    facts.extend((*_named(pod.spec), *_labels(pod), *more))
    return Unit(UnitKind.RESOURCE, pod.name, path, *_within(path, pod.place, pod.spec), facts=tuple(facts))


def _named(spec: Mapping) -> Iterator[Fact]:
    for _, _, container in _all(spec):
        name = container.get("name")
        if isinstance(name, Scalar):
            yield Fact(Space.KEY, "k8s.pod.containers[].name", name.value, name.source.path, name.start, name.end)


def _labels(pod: Pod) -> Iterator[Fact]:
    """Yield what selectors of policies look at: a pod's namespace and its labels."""
    place = pod.place
    yield Fact(Space.KEY, NAMESPACE, pod.namespace, place.source.path, place.start, place.end)
    labels = pod.beside.get("metadata", "labels") if pod.beside is not None else None
    if pod.beside is None or "{{" in place.source.text or (labels is not None and not isinstance(labels, Mapping)):
        yield Fact(Space.KEY, LABEL, None, place.source.path, place.start, place.end)
    if isinstance(labels, Mapping):
        yield from (
            fact(Space.KEY, LABEL + name, one) for name, (_, one) in labels.pairs.items() if isinstance(one, Scalar)
        )


def _within(path: str, *nodes: Node) -> tuple[int, int]:
    """Return where the first node of a file stands; the file's beginning when all stand in others."""
    for node in nodes:
        if node.source.path == path:
            return node.start, node.end
    return 0, 0


def _all(spec: Mapping) -> Iterator[tuple[str, Node, Mapping]]:
    for role in _CONTAINERS:
        for item in spec.items(role):
            if isinstance(item, Mapping):
                yield item.text("name") or role, item.get("name") or item, item
    for role in _ROLES:
        if role in spec.pairs and isinstance(spec.get(role), Mapping):
            yield role, spec.pairs[role][0], spec.mapping(role)


def containers(pod: Pod, path: str, maps: Map[str, Mapping]) -> Iterator[Unit]:
    """Yield a unit for each container; `maps` are the ConfigMaps of the same file by `configmap/NAME`."""
    listed = list(_all(pod.spec))
    for name, place, container in listed:
        components = set(of_image(container.text("image")))
        facts = list(_environment(container, maps))
        for program, started in programs((container.get("command"), container.get("args"))):
            components |= program
            facts.extend(started)
        facts.extend(by_version(container.get("image"), facts))
        facts.extend(keys(container, "k8s.container", _SKIPPED))
        facts.extend(_from_pod(pod.spec, container))
        facts.extend((*literal_secrets(facts), *shipping(container, [other for _, _, other in listed])))
        served = container.text("modelFormat", "name").lower()
        is_served = name in _ROLES and _is_served(container)
        if is_served:
            components |= {"kserve"} | ({_SERVED[served]} if served in _SERVED else set())
        if "vllm" in components:
            facts = [_dashed(one) for one in facts]
        yield Unit(
            UnitKind.CONTAINER if "image" in container.pairs or is_served else UnitKind.ENVIRONMENT,
            f"{pod.name}/{name}",
            path,
            *_within(path, place, *(key for key, _ in container.pairs.values()), pod.place),
            frozenset(components),
            tuple(facts),
            tuple(_parents(container)),
        )


def _dashed(one: Fact) -> Fact:
    """Return a flag as vLLM reads it: `--enable_log_requests` is `--enable-log-requests`."""
    return (
        one._replace(name=one.name.replace("_", "-")) if one.space is Space.FLAG and one.name.startswith("--") else one
    )


def _environment(container: Mapping, maps: Map[str, Mapping]) -> Iterator[Fact]:
    known: dict[str, str | None] = {}
    items = {
        item.text("name"): item for item in container.items("env") if isinstance(item, Mapping) and item.text("name")
    }
    for name, (_, scalar) in variables(container.get("env")).items():
        value = scalar
        if name in items and scalar.value is None:
            value = _referred(items[name], maps) or scalar
        text = _expanded(value.value, known)
        known[name] = text
        yield Fact(Space.ENV, name, text, value.source.path, value.start, value.end)


def _referred(item: Mapping, maps: Map[str, Mapping]) -> Scalar | None:
    reference = item.mapping("valueFrom", "configMapKeyRef")
    found = maps.get(f"configmap/{reference.text('name')}")
    value = found.get("data", reference.text("key")) if found else None
    return value if isinstance(value, Scalar) else None


def _expanded(value: str | None, known: Map[str, str | None]) -> str | None:
    """Return a value with `$(NAME)` replaced; a name that is not set stays as written, one that is not known makes all unknown."""
    if value is None or "$(" not in value:
        return value
    names = _REFERENCE.findall(value)
    if any(name in known and known[name] is None for name in names):
        return None
    return _REFERENCE.sub(lambda found: known.get(found[1]) or found[0], value)


def _from_pod(spec: Mapping, container: Mapping) -> Iterator[Fact]:
    own = container.mapping("securityContext")
    for name in _INHERITED:
        node = spec.get("securityContext", name)
        if node is not None and name not in own.pairs:
            yield from keys(node, f"k8s.container.securityContext.{name}")


def _parents(container: Mapping) -> Iterator[str]:
    for item in reversed(container.items("envFrom")):
        if isinstance(item, Mapping) and not item.text("prefix"):
            for reference, kind in (("configMapRef", "configmap"), ("secretRef", "secret")):
                if item.text(reference, "name"):
                    yield f"{kind}:{item.text(reference, 'name')}"
