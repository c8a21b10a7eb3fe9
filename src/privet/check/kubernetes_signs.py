"""What shows in Kubernetes objects by more than a name and a value: secrets as text, log shippers beside models, bodies in a mesh's log.

Invariant: every fact is "present" and holds no value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from privet.check.components import of_image
from privet.check.facts import PRESENT, Fact, Space
from privet.check.pattern import regex
from privet.check.yaml_facts import keys
from privet.check.yaml_nodes import Mapping, Node, Scalar

SECRET_NAME: Final = regex(
    r"(?:.*_)?(?:API_?KEY|TOKEN|SECRET|SECRET_KEY|PASSWORD|PASSWD|ACCESS_KEY|PRIVATE_KEY|CREDENTIALS?)"
)
STAND_IN: Final = regex(
    r"\s*|/.*|\S*://\S*|<[^>]*>|.*(?:\$\{|\{\{|\$\().*|ENC\[.*"
    r"|(?:.*[-_ ])?(?:replace|change|your|insert|todo|xxx+|example|placeholder|dummy|fake|sample|test|none|empty|null|redacted|secret"
    r"|local)(?:[-_ ].*)?|.*(?:change|replace|fill)[-_ ]?(?:me|it|this).*"
    r"|.*(?:me|here)|(?:token|sk|key)-abc.*|true|false|\d{1,8}",
    re.IGNORECASE | re.DOTALL,
)
"""Values that stand for a secret and are none."""
_LENGTHS: Final = range(12, 500)
_SHIPPER: Final = regex(
    r"(?:^|/)(?:fluent-?bit|fluentd|promtail|filebeat|logstash|vector|datadog-agent|agent:\d.*datadog|alloy|splunk[\w-]*|logdna[\w-]*|newrelic-fluentbit[\w-]*)"
    r"(?:[:@/]|$)|(?:^|/)(?:fluent|timberio|datadog)/",
    re.IGNORECASE,
)
_PLUMBING: Final = frozenset(("otel-collector", "redis", "postgres", "grafana", "minio", "elasticsearch"))
"""Components that hold no model and no prompts of their own."""
_MESH: Final = frozenset(("EnvoyFilter", "Telemetry", "WasmPlugin", "MeshAccessLog", "EnvoyProxy"))
_BODY: Final = regex(r":body\(|(?:request|response)_?body|%DYNAMIC_METADATA\([^)]*body", re.IGNORECASE)
_LOGS: Final = regex(r":log(?:Trace|Debug|Info|Warn|Err|Critical)\(|print\(|%[A-Z_]+", re.IGNORECASE)


def is_secret_value(name: str, value: str | None) -> bool:
    """Tell whether a variable's value is a secret in clear."""
    return (
        value is not None
        and len(value) in _LENGTHS
        and not any(character.isspace() for character in value)
        and any(character.isdigit() for character in value)
        and bool(SECRET_NAME.fullmatch(name))
        and not STAND_IN.fullmatch(value)
    )


def literal_secrets(environment: Sequence[Fact]) -> Iterator[Fact]:
    """Yield a fact for each variable that is a secret and has its value in clear."""
    for one in environment:
        if one.space is Space.ENV and is_secret_value(one.name, one.value):
            yield Fact(Space.KEY, "code:k8s-literal-secret", PRESENT, one.path, one.start, one.end)


def shipping(container: Mapping, others: Sequence[Mapping]) -> Iterator[Fact]:
    """Yield a fact when a container ships logs out of a pod in which a model or its store runs."""
    image = container.get("image")
    is_beside = any(of_image(other.text("image")) - _PLUMBING for other in others)
    if is_beside and isinstance(image, Scalar) and _SHIPPER.search(image.text):
        yield Fact(Space.KEY, "code:k8s-log-shipper", PRESENT, image.source.path, image.start, image.end)


def logged_bodies(item: Mapping) -> Iterator[Fact]:
    """Yield a fact for each text of a mesh's object that writes bodies to a log."""
    if item.text("kind") in _MESH:
        for one in keys(item.mapping("spec"), ""):
            if one.value and _BODY.search(one.value) and _LOGS.search(one.value):
                yield Fact(Space.KEY, "code:k8s-mesh-body-logging", PRESENT, one.path, one.start, one.end)


def of_gateway(item: Mapping) -> Iterator[Fact]:
    """Yield whether a gateway speaks TLS anywhere, or a route of Traefik's does; a second listener may send people on to it."""
    kind = item.text("kind")
    if kind == "IngressRoute":
        place = item.get("spec", "tls") or item.get("kind") or item
        yield _tls(place, is_on=item.get("spec", "tls") is not None)
    if kind == "Gateway":
        listeners = [*item.items("spec", "listeners"), *item.items("spec", "servers")]
        protocols = [
            found
            for one in listeners
            if isinstance(one, Mapping)
            and isinstance(found := one.get("protocol") or one.get("port", "protocol"), Scalar)
            and found.value is not None
        ]
        secure = [one for one in protocols if one.text.upper() in {"HTTPS", "TLS"}]
        for one in (secure or protocols)[:1]:
            yield _tls(one, is_on=bool(secure))


def _tls(place: Node, *, is_on: bool) -> Fact:
    return Fact(Space.KEY, "proxy.tls", "true" if is_on else "false", place.source.path, place.start, place.end)
