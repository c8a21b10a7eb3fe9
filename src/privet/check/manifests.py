"""Which YAML reader a file gets, by its path and its tell-tale words.

Invariants: a file that says nothing that any rule could look at is not parsed; a reader is loaded when the first file of its kind comes.
"""

from __future__ import annotations

import posixpath
from typing import Final

from privet.check.facts import Reading
from privet.check.pattern import regex
from privet.check.readers import Sibling

_WORKFLOW: Final = regex(r"(?:^|/)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml$|(?:^|/)action\.ya?ml$")
_PIPELINE: Final = regex(
    r"(?:^|/)(?:\.circleci/[^/]+|azure-pipelines[^/]*|\.?azure-pipelines/(?:.+/)?[^/]+|bitbucket-pipelines)\.ya?ml$"
)
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_VALUES: Final = regex(r"(?:.*[._-])?values(?:[._-].*)?\.ya?ml")


def read(path: str, text: str, sibling: Sibling) -> Reading:
    """Return what a YAML file says."""
    name = path.rsplit("/", 1)[-1]
    if _WORKFLOW.search(path):
        from privet.check import workflows

        return workflows.read(path, text, sibling)
    if name.endswith((".gitlab-ci.yml", ".gitlab-ci.yaml")) or ("/.gitlab/" in f"/{path}" and "script:" in text):
        from privet.check import gitlab

        return gitlab.read(path, text, sibling)
    if is_pipeline(path):
        from privet.check import pipelines

        return pipelines.read(path, text, sibling)
    if name in {".pre-commit-config.yaml", ".pre-commit-config.yml"}:
        from privet.check import hooks

        return hooks.read(path, text)
    return _by_folder(path, text, sibling)


def is_pipeline(path: str) -> bool:
    """Tell whether a path is a pipeline of CircleCI, Azure or Bitbucket."""
    return bool(_PIPELINE.search(path))


def _by_folder(path: str, text: str, sibling: Sibling) -> Reading:
    if path.rsplit("/", 1)[-1] in _KUSTOMIZATIONS:
        from privet.check import kustomize

        return kustomize.read(path, text, sibling)
    if "{{" in text and "templates" in path.split("/")[:-1]:
        from privet.check import helm

        return helm.read_template(path, text, sibling)
    return _by_content(path, text, sibling)


def _by_content(path: str, text: str, sibling: Sibling) -> Reading:
    if "apiVersion" in text:
        from privet.check import kubernetes, kustomize

        if kubernetes.is_manifest(text):
            return Reading() if kustomize.is_patch(path, sibling) else kubernetes.read(path, text)
    if "services" in text:
        from privet.check import compose

        reading = compose.read(path, text, sibling) if compose.is_compose(text) else Reading()
        if reading != Reading():
            return reading
    if is_values(path, sibling):
        from privet.check import helm

        return helm.read_values(path, text, sibling)
    from privet.check import yaml_config

    if yaml_config.is_telling(text):
        return yaml_config.read(path, text)
    if path.endswith(".tpl") or any(sign in text for sign in ("{{", "{%")):
        return Reading()  # a template of something else: it need not be YAML before it is filled in
    from privet.check.yaml_nodes import documents

    return Reading(notes=tuple(documents(path, text)[1]))


def is_values(path: str, sibling: Sibling) -> bool:
    """Tell whether a path is a chart's values: by its name, or beside a Chart.yaml."""
    folder, _, name = path.rpartition("/")
    return bool(_VALUES.fullmatch(name)) or (
        name != "Chart.yaml" and sibling(posixpath.join(folder, "Chart.yaml")) is not None
    )
