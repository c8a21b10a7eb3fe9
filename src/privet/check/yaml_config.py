"""Other YAML files → the settings of the program that reads them, told by file name or tell-tale keys, and the variables that they set.

Invariants: a file in which no rule could find a word is not parsed; the component is known by what the file is, never by its values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from privet.check import collector, shippers, traefik
from privet.check.facts import Fact, Reading, Space, Unit, UnitKind
from privet.check.known import VARIABLES
from privet.check.pattern import mentions, regex
from privet.check.programs import process_units
from privet.check.rules import RULES
from privet.check.words import Command
from privet.check.yaml_facts import keys, scattered
from privet.check.yaml_nodes import Items, Mapping, Node, Scalar, documents
from privet.check.yaml_places import commands

_KEYS: Final = {
    "litellm": ("model_list", "litellm_settings", "router_settings general_settings"),
    "qdrant": ("service storage", "telemetry_disabled", "storage cluster"),
    "axolotl": ("base_model datasets", "base_model micro_batch_size", "base_model adapter", "base_model sequence_len"),
    "llamafactory": (
        "model_name_or_path finetuning_type",
        "model_name_or_path template",
        "model_name_or_path stage",
    ),
    "trl": ("model_name_or_path dataset_name", "model_name_or_path use_peft"),
    "otel-collector": ("receivers exporters", "receivers service"),
    "promtail": ("scrape_configs clients",),
    "loki": ("schema_config",),
    "tempo": ("distributor storage",),
    "prometheus": ("scrape_configs global",),
    "lmcache": ("chunk_size local_cpu", "chunk_size local_disk", "chunk_size remote_url"),
    "bentoml": ("api_server", "service python include"),
    "localai": ("backend parameters",),
    "accelerate": ("compute_environment",),
    "mkdocs": ("site_name",),
    "skypilot": ("resources run",),
    "ray": ("cluster_name provider", "proxy_location applications", "http_options applications"),
    "dvc": ("stages",),
    "production-stack": ("servingEngineSpec", "routerSpec"),
    "traefik": ("entryPoints", "http tls"),
    "vllm": ("max-model-len", "tensor-parallel-size", "gpu-memory-utilization", "served-model-name"),
    "sglang": ("model-path", "mem-fraction-static"),
}
"""Components by top-level keys that only their file has together."""
_TOGETHER: Final = tuple((component, frozenset(keys_.split())) for component, sets in _KEYS.items() for keys_ in sets)
_FILES: Final = {
    "litellm": r"(?:.*[._-])?litellm.*",
    "qdrant": r"(?:.*[._-])?qdrant.*",
    "weaviate": r"(?:.*[._-])?weaviate.*",
    "dagster": r"dagster.*",
    "prefect": r"prefect.*",
    "lmcache": r"(?:.*[._-])?lmcache.*",
    "bentoml": r"bento.*|openllm.*",
    "axolotl": r"(?:.*[._-])?axolotl.*",
    "milvus": r"milvus.*",
    "elasticsearch": r"elasticsearch.*|kibana.*",
    "otel-collector": r"otel.*|opentelemetry.*",
    "promtail": r"promtail.*",
    "grafana": r"grafana.*",
    "mlflow": r"mlflow.*",
    "vllm": r"(?:.*[._-])?vllm.*",
    "sglang": r"(?:.*[._-])?sglang.*",
    "chroma": r"chroma.*",
    "zenml": r"zenml.*",
    "rasa": r"rasa.*|endpoints",
    "clearml": r"clearml.*",
    "ultralytics": r"(?:.*[._-])?ultralytics.*",
    "mkdocs": r"mkdocs",
    "langfuse-server": r"langfuse.*",
    "localai": r"localai.*|local-ai.*",
    "skypilot": r"sky.*",
    "traefik": r"traefik.*",
}
"""Components by the file's name without its ending."""
_NAMED: Final = tuple((regex(pattern, re.IGNORECASE), component) for component, pattern in _FILES.items())
_FOLDERS: Final = frozenset(("qdrant", "litellm", "axolotl", "trl", "llamafactory", "weaviate"))
"""Components by the name of a folder."""
_FLAGGED: Final = frozenset(("vllm", "sglang"))
"""Programs whose config file has the names of their flags."""
_SHELL: Final = frozenset(
    (
        "run",
        "setup",
        "script",
        "cmd",
        "command",
        "commands",
        "shell",
        "entrypoint",
        "args",
        "setup_commands",
        "initialization_commands",
        "head_setup_commands",
        "worker_setup_commands",
        "head_start_ray_commands",
        "worker_start_ray_commands",
    )
)
"""Keys of task runners whose texts are command lines."""
_COMMON: Final = frozenset(
    (
        "args",
        "command",
        "run",
        "script",
        "service",
        "storage",
        "global",
        "python",
        "include",
        "template",
        "stage",
        "stages",
        "resources",
        "provider",
        "parameters",
        "clients",
        "cluster",
        "setup",
        "shell",
        "commands",
        "datasets",
        "entrypoint",
        "site_name",
        "cmd",
        "backend",
        "adapter",
        "exporters",
    )
)
"""Words that say nothing by themselves."""
_PEOPLE: Final = mentions(
    r"min[_-](?:group|cohort|cell|bucket|population|participants|respondents|patients|people|persons|individuals)|k_?anonym|l_diversity"
    r"|small_cell|suppress_below|score_?threshold|min_?score|(?:score|confidence)_?threshold|retention|pipeline_stages|except_fields|redact",
    ignore_case=True,
)
"""Settings that are no rule's and are compared by their names."""
_WORD: Final = regex(r"[A-Za-z_][\w-]*", re.ASCII)


@cache
def _telling() -> frozenset[str]:
    """Return the words one of which a file must have to be worth reading: variables, last parts of keys, flags without dashes."""
    keyed = (
        name.rsplit(".", 1)[-1].removesuffix("[]")
        for rule in RULES
        if rule.space is Space.KEY
        for name in rule.names
        if not name.startswith(("compose.", "k8s.", "docker.", "actions.", "gitlab.", "systemd.", "code:", "env:"))
    )
    flags = (
        name.lstrip("-")
        for rule in RULES
        if rule.component in _FLAGGED and rule.space is Space.FLAG
        for name in rule.names
        if name.startswith("--")
    )
    markers = (key for _, together in _TOGETHER for key in together if key not in _COMMON)
    return frozenset((*VARIABLES, *keyed, *flags, *markers, *_SHELL - _COMMON, "routers"))


def is_telling(text: str) -> bool:
    """Tell whether a text has a word that a rule looks for."""
    return "privet" in text or _PEOPLE(text) or not _telling().isdisjoint(_WORD.findall(text))


def read(path: str, text: str) -> Reading:
    """Return the units of a config file: one for its settings, one for each program that it starts."""
    nodes, notes = documents(path, text)
    units: list[Unit] = []
    for document in nodes:
        units.extend(_units(path, document))
    return Reading(tuple(units), tuple(notes))


def _units(path: str, document: Node) -> Iterator[Unit]:
    name = path.rsplit("/", 1)[-1]
    components = components_of(path, document)
    facts = [*keys(document, ""), *scattered(document, VARIABLES)]
    facts = [fact._replace(name=fact.name.removeprefix("[].")) for fact in facts]
    if components & _FLAGGED and isinstance(document, Mapping):
        facts.extend(_flags(document))
    if facts:
        yield Unit(UnitKind.CONFIG, name, path, document.start, document.start, components, tuple(facts))
    if isinstance(document, Mapping):
        yield from traefik.of_file(document)
        yield from collector.units_of(document, path)
        yield from shippers.units_of(document, path)
    yield from process_units(list(_commands(document, is_shell=False)), path, owner=name, guards=True)


def components_of(path: str, document: Node) -> frozenset[str]:
    """Return the components whose file this is."""
    parts = path.lower().split("/")
    stem = parts[-1].rpartition(".")[0]
    found = {component for pattern, component in _NAMED if pattern.fullmatch(stem)}
    found |= _FOLDERS.intersection(parts[:-1])
    if isinstance(document, Mapping):
        names = document.pairs.keys()
        found |= {component for component, together in _TOGETHER if together <= names}
    return frozenset(found)


def _flags(document: Mapping) -> Iterator[Fact]:
    for key, (_, value) in document.pairs.items():
        if isinstance(value, Scalar):
            name = "--" + key.replace("_", "-")
            yield Fact(Space.FLAG, name, value.value, value.source.path, value.start, value.end)


def _commands(node: Node, *, is_shell: bool) -> Iterator[Command]:
    if isinstance(node, Scalar):
        if is_shell:
            yield from commands(node)
    elif isinstance(node, Items):
        for item in node.items:
            yield from _commands(item, is_shell=is_shell and isinstance(item, Scalar))
    else:
        for key, (_, value) in node.pairs.items():
            yield from _commands(value, is_shell=key in _SHELL and not isinstance(value, Mapping))
