"""Which YAML reader a file gets, by its path and its tell-tale words.

Invariant: a file that says nothing that any rule could look at is not parsed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from privet.check import compose, gitlab, helm, hooks, kubernetes, kustomize, pipelines, workflows, yaml_config
from privet.check.facts import Reading
from privet.check.readers import Sibling

_PIPELINES: Final[tuple[tuple[Callable[[str, str], bool], Callable[[str, str, Sibling], Reading]], ...]] = (
    (lambda path, _: workflows.is_workflow(path), workflows.read),
    (gitlab.is_pipeline, gitlab.read),
    (lambda path, _: pipelines.is_pipeline(path), pipelines.read),
    (lambda path, _: hooks.is_hooks(path), lambda path, text, _: hooks.read(path, text)),
)
"""What CI runs: how to tell it, and what reads it."""


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return what a YAML file says."""
    for is_one, reader in _PIPELINES:
        if is_one(path, text):
            return reader(path, text, sibling)
    if kustomize.is_kustomization(path):
        return kustomize.read(path, text, sibling)
    if helm.is_template(path, text):
        return helm.read_template(path, text, sibling)
    return _by_content(path, text, sibling)


def _by_content(path: str, text: str, sibling: Sibling) -> Reading:
    if kubernetes.is_manifest(text):
        return Reading() if kustomize.is_patch(path, sibling) else kubernetes.read(path, text)
    if compose.is_compose(text):
        reading = compose.read(path, text, sibling)
        if reading != Reading():
            return reading
    if helm.is_values(path, sibling):
        return helm.read_values(path, text, sibling)
    return yaml_config.read(path, text) if yaml_config.is_telling(text) else Reading()
