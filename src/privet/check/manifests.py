"""Which YAML reader a file gets, by its path and its tell-tale words.

Invariant: a file that says nothing that any rule could look at is not parsed.
"""

from __future__ import annotations

from privet.check import compose, gitlab, helm, kubernetes, kustomize, workflows, yaml_config
from privet.check.facts import Reading
from privet.check.readers import Sibling


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return what a YAML file says."""
    if workflows.is_workflow(path):
        return workflows.read(path, text)
    if gitlab.is_pipeline(path, text):
        return gitlab.read(path, text)
    if gitlab.is_hooks(path):
        return gitlab.read_hooks(path, text)
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
