"""What `privet init` puts into a repository: policy, workflow, hook, and sections of the files that contributors and users read.

Invariants:

- Nothing that exists is overwritten and no existing line is lost: what is there is extended once, and a second run changes nothing.
- All files are written beside their places before the first is renamed into place: what cannot be done in full is not begun.
- A link stays a link, and what it leads to outside of the repository is not touched.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from privet import adoption_texts
from privet.errors import BadInput

if TYPE_CHECKING:
    import yaml

WORKFLOW: Final = ".github/workflows/privacy.yml"
_OTHER_WORKFLOW: Final = ".github/workflows/privet.yml"
"""Where a workflow for something else has that name."""


class Step(NamedTuple):
    """What was done to a file: `wrote`, `extended` or `kept`."""

    done: str
    path: str


def adopt(root: Path, version: str) -> list[Step]:
    """Put the gate into a repository; return what was done to which file, in order.

    Raises:
        BadInput: a file cannot be read as text or cannot be extended; nothing was changed.

    """
    plan = [
        _whole(root, "privet.toml", adoption_texts.POLICY),
        _workflow(root, adoption_texts.WORKFLOW.replace("{version}", version)),
        _hook(root, adoption_texts.HOOK.replace("{version}", version)),
        _section(
            root,
            _existing(root, ("CONTRIBUTING.md", ".github/CONTRIBUTING.md", "docs/CONTRIBUTING.md")),
            "# Contributing\n\n",
            adoption_texts.CONTRIBUTING,
        ),
        _section(root, _request_template(root), "", adoption_texts.REQUEST),
        _section(root, _card(root), f"# {root.name}\n\n", adoption_texts.CARD),
    ]
    _write_all(root, [(path, text) for path, text, _ in plan if text is not None])
    return [Step(step, path) for path, _, step in plan]


_Planned = tuple[str, str | None, str]
"""Path, the new text or None, and what is done."""


def _whole(root: Path, path: str, text: str) -> _Planned:
    return (path, None, "kept") if os.path.lexists(root / path) else (path, text, "wrote")


def _workflow(root: Path, text: str) -> _Planned:
    folder = root / ".github" / "workflows"
    for file in sorted((*folder.glob("*.yml"), *folder.glob("*.yaml"))):
        if re.search(r"\bprivet check\b", _read(root, file.relative_to(root).as_posix()) or ""):
            return (file.relative_to(root).as_posix(), None, "kept")
    return _whole(root, WORKFLOW if not os.path.lexists(root / WORKFLOW) else _OTHER_WORKFLOW, text)


def _existing(root: Path, names: tuple[str, ...]) -> str:
    """Return the first of some names that is there, in whatever case; else the first."""
    for name in names:
        folder, _, last = name.rpartition("/")
        try:
            found = sorted(entry.name for entry in (root / folder).iterdir() if entry.name.lower() == last.lower())
        except OSError:
            continue
        if found:
            return f"{folder}/{found[0]}" if folder else found[0]
    return names[0]


def _request_template(root: Path) -> str:
    name = "pull_request_template.md"
    return _existing(root, (f".github/{name}", name, f"docs/{name}"))


def _card(root: Path) -> str:
    """Return the model card: the README, unless that is in another markup, beside which a README.md would become the front page."""
    name = _existing(root, ("README.md", "MODEL_CARD.md"))
    other = any((root / readme).is_file() for readme in ("README.rst", "README.txt", "README.adoc", "README"))
    return "MODEL_CARD.md" if other and not os.path.lexists(root / name) else name


def _section(root: Path, path: str, head: str, section: str) -> _Planned:
    text = _read(root, path)
    if text is None:
        return (path, head + section, "wrote")
    mark = section.partition("\n")[0]
    title = re.escape(section.partition("\n")[2].partition("\n")[0].lstrip("# "))
    if mark in text or re.search(rf"^#{{1,6}}[ \t]+{title}[ \t#]*\r?$", text, re.MULTILINE | re.IGNORECASE):
        return (path, None, "kept")
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else newline if text.endswith("\n") else 2 * newline
    return (path, text + gap + section.replace("\n", newline), "extended")


def _hook(root: Path, hook: str) -> _Planned:
    path = ".pre-commit-config.yaml"
    text = _read(root, path)
    if text is None or not text.strip():
        return (path, (text or "") + "repos:\n" + _indented(hook, "  "), "wrote" if text is None else "extended")
    if re.search(r"\bprivet(?:-check| check)\b", text):
        return (path, None, "kept")
    try:
        extended = _with_hook(text, hook)
        before = _hooked(text)
    except ValueError as error:
        raise BadInput(f"{path} is not valid YAML", hint=f"correct the file, or {_BY_HAND}") from error
    with suppress(ValueError):
        if before + 1 == _hooked(extended):
            return (path, extended, "extended")
    raise BadInput(
        f"{path} has no list of repos in block style",
        hint=f"write the list with each repo on lines of its own, as `repos:` and below `  - repo: …`, or {_BY_HAND}",
    )


_BY_HAND: Final = "add the hook by hand (docs/check.md#pre-commit); nothing was changed"


def _repos(text: str) -> yaml.Node | None:
    """Return the list of repos, None where there is none.

    Raises:
        ValueError: it is not valid YAML.

    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError("not valid YAML") from error
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = next((value for key, value in pairs if key.value == "repos"), None)
    return found if isinstance(found, yaml.Node) else None


def _hooked(text: str) -> int:
    repos = _repos(text)
    return len(repos.value) if repos is not None and isinstance(repos.value, list) else 0


def _with_hook(text: str, hook: str) -> str:
    """Put a hook behind the last one of the list; where that list ends is asked of the YAML parser."""
    import yaml

    repos = _repos(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    if repos is None:
        end = "" if text.endswith("\n") else newline
        return f"{text}{end}repos:{newline}" + _indented(hook, "  ").replace("\n", newline)
    if repos.value in ([], "", "~", "null"):  # `repos:` or `repos: []`
        filled = newline + _indented(hook, "  ").rstrip("\n").replace("\n", newline)
        return text[: repos.start_mark.index].rstrip(" ") + filled + text[repos.end_mark.index :]
    if not isinstance(repos, yaml.SequenceNode):
        return text
    first = repos.value[0].start_mark
    line = text[text.rfind("\n", 0, first.index) + 1 : first.index]
    indent = line[: len(line) - len(line.lstrip())]
    at = _end_of(text, repos.value[-1])
    body = text[:at] + ("" if text[:at].endswith("\n") else newline)
    return body + _indented(hook, indent).replace("\n", newline) + text[at:]


def _end_of(text: str, node: object) -> int:
    """Return where the line ends on which the last scalar of a node stands; the parser's own end is at the next token."""
    import yaml

    last = node
    while isinstance(last, (yaml.MappingNode, yaml.SequenceNode)) and last.value and not last.flow_style:
        item = last.value[-1]
        last = item[1] if isinstance(item, tuple) else item
    assert isinstance(last, yaml.Node)  # noqa: S101 - what a loop over nodes ends at
    # A block scalar's end is the start of the next line already.
    at = int(last.end_mark.index)
    if at and text[at - 1] == "\n":
        return at
    line = text.find("\n", at)
    return len(text) if line < 0 else line + 1


def _indented(text: str, indent: str) -> str:
    return "".join(f"{indent}{line}" for line in text.splitlines(keepends=True))


def _read(root: Path, path: str) -> str | None:
    try:
        return (root / path).read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path} cannot be read as UTF-8 text", hint="correct its encoding or permissions; nothing was changed"
        ) from error


def _write_all(root: Path, files: Iterable[tuple[str, str]]) -> None:
    """Write files, all or none."""
    made: list[Path] = []
    moves: list[tuple[Path, Path]] = []
    try:
        for name, text in files:
            place = (root / name).resolve()
            if not place.is_relative_to(root.resolve()):
                raise BadInput(f"{name} is a link out of the repository", hint="make it a file; nothing was changed")
            made.extend(_made(place.parent))
            beside = place.with_name(f".privet-{place.name}.tmp")
            made.append(beside)
            beside.write_bytes(text.encode())
            if place.exists():
                beside.chmod(place.stat().st_mode & 0o7777)
            moves.append((beside, place))
        for beside, place in moves:
            beside.replace(place)
    except (OSError, BadInput) as error:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{name} cannot be written", hint="make the folder writable; nothing was changed") from error


def _made(folder: Path) -> Iterable[Path]:
    """Make a folder; yield what had to be made."""
    if not folder.is_dir():
        yield from _made(folder.parent)
        folder.mkdir()
        yield folder
