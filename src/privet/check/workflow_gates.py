"""Whether a step that protects runs for every change, and compares it with what was there before.

Source: GitHub Actions workflow syntax, "on", "jobs.<id>.if". Invariants: what the proposer of a change can decide (a label, a branch's
name, who asks) decides nothing here; a filter of paths that names documents only lets everything else by.
"""

from __future__ import annotations

import re
from typing import Final

from privet.check.pattern import regex
from privet.check.yaml_nodes import Mapping, Scalar

_PROPOSED: Final[tuple[str, ...]] = ("pull_request", "pull_request_target", "merge_group")
_OTHERS: Final[tuple[str, ...]] = ("push", "workflow_call")
_NEEDED: Final = frozenset(("opened", "synchronize"))
_ALL: Final = frozenset(("**", "*", "**/*", "./**"))
_DOCUMENTS: Final = regex(
    r"(?:\*\*/)?(?:docs?|documentation|images?|assets)/.*|.*\.(?:md|rst|txt|png|svg)|.*LICEN[CS]E.*", re.IGNORECASE
)
_CHOSEN: Final = regex(
    r"labels?\b|actor|\.user\b|sender|\.title|\.body|head_ref|head\.(?:ref|label|repo)|head_commit|commits?\b.*message|assignee|inputs\.|vars\."
)
"""What whoever asks for a change can choose."""
_EVENT: Final = regex(r"event_name\s*(==|!=)\s*'([\w-]+)'")
_BRANCH: Final = regex(r"github\.ref(?:_name)?\s*==\s*'(?:refs/heads/)?[\w./-]+'")
_ITSELF: Final = regex(
    r"""["']?(?:origin/)?(?:HEAD(?:[~^@]0|@\{0\})?|@|\$\{?(?:GITHUB_SHA|GITHUB_REF|GITHUB_REF_NAME|GITHUB_HEAD_REF|CI_COMMIT_SHA|CI_COMMIT_REF_NAME"""
    r"""|CI_COMMIT_BRANCH|CI_MERGE_REQUEST_SOURCE_BRANCH_(?:NAME|SHA))\}?"""
    r"""|\$\{\{\s*github\.(?:sha|ref|ref_name|head_ref|event\.pull_request\.head\.(?:sha|ref)|event\.after)\s*\}\})["']?"""
)


def is_itself(base: str) -> bool:
    """Tell whether a base, as it is written, is the change itself, of which nothing can be weaker."""
    return bool(_ITSELF.fullmatch(base.strip()))


def sees_changes(document: Mapping, *, of_some_files: bool = False) -> bool:
    """Tell whether a workflow runs on every change that is asked for, or on every push where none is asked for.

    With `of_some_files`, one that looks at changes of some files only does, too.
    """
    events = document.get("on")
    if not isinstance(events, Mapping):
        names = {item.text for item in document.items("on") if isinstance(item, Scalar)}
        return not names.isdisjoint((*_PROPOSED, *_OTHERS))
    proposed = [name for name in _PROPOSED if name in events.pairs]
    names_ = proposed or [name for name in _OTHERS if name in events.pairs]
    return any(_is_whole(events.mapping(name), of_some_files=of_some_files) for name in names_)


def _is_whole(event: Mapping, *, of_some_files: bool) -> bool:
    paths = {item.text for item in event.items("paths") if isinstance(item, Scalar)}
    left_out = [item.text for item in event.items("paths-ignore") if isinstance(item, Scalar)]
    types = {item.text for item in event.items("types") if isinstance(item, Scalar)}
    if "types" in event.pairs and types and not types >= _NEEDED and not {"checks_requested"} & types:
        return False
    if of_some_files:
        return True
    if "paths" in event.pairs and (paths.isdisjoint(_ALL) or any(path.startswith("!") for path in paths)):
        return False
    return all(_DOCUMENTS.fullmatch(path) for path in left_out)


def lets_by(condition: str) -> bool:
    """Tell whether a condition is false for changes that somebody chose, or for all that are asked for."""
    if _CHOSEN.search(condition) or _BRANCH.search(condition):
        return True
    events = _EVENT.findall(condition)
    equal = {name for sign, name in events if sign == "=="}
    return bool(equal and equal.isdisjoint(_PROPOSED)) or any(
        sign == "!=" and name in _PROPOSED for sign, name in events
    )
