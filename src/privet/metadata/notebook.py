"""Notebooks (ipynb): code, prose and outputs are kept and rewritten; who ran it, where and when, goes.

Invariants:

- Only known keys, media types and metadata are kept; widgets' state goes. Cells are numbered anew, in order.
- The file is laid out as Jupyter lays it out: one space of indent, no escapes that are not needed, a line end at the end.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any, BinaryIO, Final

from privet.metadata.embedded import base64_text, decoded, extension, in_text
from privet.metadata.html import rewritten_page
from privet.metadata.job import MIB, CannotClean, Job, Member
from privet.metadata.notebook_metadata import IMAGES, is_word, kernel, short, sizes
from privet.metadata.passage import TERMINAL, rewritten

_MAX_BYTES: Final = 256 * MIB
_HOME: Final = re.compile(
    r"((?:/home/|/Users/|[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)))(?!user\b)[^/\\\s\"'<>:,;\x1b]{1,64}"
)
_LANGUAGE_KEYS: Final = frozenset(
    "name version file_extension mimetype codemirror_mode pygments_lexer nbconvert_exporter".split()  # noqa: SIM905
)
_CELL_KEYS: Final = frozenset(
    "collapsed scrolled tags slideshow editable deletable jupyter format raw_mimetype language vscode cellView hide_input".split()  # noqa: SIM905
)
_SHOWN_KEYS: Final = frozenset(("slide_type", "source_hidden", "outputs_hidden", "languageId"))
_CELL_TYPES: Final = frozenset(("code", "markdown", "raw"))
_TEXT_TYPES: Final = frozenset(
    "text/plain text/markdown text/latex text/x-python application/javascript text/javascript application/x-tex text/csv".split()  # noqa: SIM905
)
_JSON: Final = re.compile(r"application/(?:json|geo\+json|vnd\.(?:plotly|vega|vegalite)\.v[0-9.]{1,4}\+json)")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
Put = Callable[[str], None]


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a notebook with its identifiers replaced."""
    raw = source.read(_MAX_BYTES + 1)
    if len(raw) > _MAX_BYTES:
        raise CannotClean(f"a notebook larger than {_MAX_BYTES // MIB} MiB")
    notebook = _parsed(raw)
    if not isinstance(notebook.get("cells"), list) or notebook.get("nbformat") != 4:
        raise CannotClean("not a notebook of format 4; convert it with jupyter nbconvert")
    try:
        new = _Notebook(job).notebook(notebook)
        text = json.dumps(new, indent=1, ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise CannotClean("nested too deeply") from None
    except ValueError:
        raise CannotClean("it holds numbers that are not JSON") from None
    target.write(text.encode() + b"\n")


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        notebook = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise CannotClean("not valid JSON") from None
    if b"\\ud" in raw.lower() and _has_surrogates(notebook):
        raise CannotClean("it holds half characters")
    if not isinstance(notebook, dict):
        raise CannotClean("not a notebook")
    return notebook


def _has_surrogates(value: object) -> bool:
    try:
        return _SURROGATE.search(json.dumps(value, ensure_ascii=False)) is not None
    except RecursionError:
        return True


class _Notebook:
    """One notebook; texts are gathered first and rewritten together."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._texts: dict[str, list[tuple[str, Put]]] = {}

    def notebook(self, old: dict[str, Any]) -> dict[str, Any]:
        """Return the notebook cleaned."""
        new: dict[str, Any] = {}
        cells = [cell for cell in old["cells"] if isinstance(cell, dict) and str(cell.get("cell_type")) in _CELL_TYPES]
        self._job.dropped("cell", len(old["cells"]) - len(cells))
        for key, value in old.items():
            if key == "cells":
                new[key] = [self._cell(cell, number) for number, cell in enumerate(cells, 1)]
            elif key == "metadata":
                new[key] = self._metadata(value if isinstance(value, dict) else {})
            elif key in ("nbformat", "nbformat_minor") and isinstance(value, int):
                new[key] = value
            else:
                self._job.dropped("metadata")
        for place, waiting in self._texts.items():
            texts = [text for text, _ in waiting]
            for (_, put), text in zip(waiting, rewritten(texts, self._job, place, TERMINAL), strict=True):
                put(text)
        return new

    def _say(self, text: str, place: str, put: Put) -> None:
        if text:
            text = _HOME.sub(r"\1user", text)
            self._texts.setdefault(place, []).append((in_text(text, self._job), put))

    def _lines(self, holder: dict[str, Any], key: str, value: object, place: str) -> None:
        """Keep a text that may be one string or a list of lines."""
        if isinstance(value, list):
            lines = [line for line in value if isinstance(line, str)]
            text = "".join(lines)
            holder[key] = lines

            def put(new: str) -> None:
                # Lines that were cut in some other way keep their cuts while nothing changes.
                if new != text:
                    holder[key] = new.splitlines(keepends=True)

            self._say(text, place, put)
        elif isinstance(value, str):
            holder[key] = value
            self._say(value, place, lambda new: holder.__setitem__(key, new))

    def _metadata(self, old: dict[str, Any]) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for key, value in old.items():
            if key == "kernelspec" and isinstance(value, dict):
                new[key] = kernel(value)
            elif key == "language_info" and isinstance(value, dict):
                new[key] = {name: short(said) for name, said in value.items() if name in _LANGUAGE_KEYS}
            else:
                self._job.dropped("metadata")
        return new

    def _cell(self, old: dict[str, Any], number: int) -> dict[str, Any]:
        new: dict[str, Any] = {}
        attached, names = self._attachments(old)
        for key, value in old.items():
            if key == "id":
                new[key] = f"cell-{number}"
            elif key == "cell_type":
                new[key] = value
            elif key == "execution_count":
                new[key] = value if isinstance(value, int) else None
            elif key == "metadata":
                new[key] = self._cell_metadata(value if isinstance(value, dict) else {})
            elif key == "source":
                self._lines(new, key, _renamed(value, names), "body")
                new.setdefault(key, "")
            elif key == "outputs" and isinstance(value, list):
                outputs = [self._output(output) for output in value if isinstance(output, dict)]
                new[key] = [output for output in outputs if output is not None]
            elif key == "attachments":
                new[key] = attached
            else:
                self._job.dropped("metadata")
        return new

    def _cell_metadata(self, old: dict[str, Any]) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for key, value in old.items():
            if key not in _CELL_KEYS:
                self._job.dropped("metadata")
            elif isinstance(value, str):
                self._lines(new, key, value, "attribute")
            elif isinstance(value, bool):
                new[key] = value
            elif key == "tags" and isinstance(value, list):
                new[key] = self._tree(value)
            elif isinstance(value, dict) and key != "tags":
                new[key] = {name: said for name, said in value.items() if name in _SHOWN_KEYS and _is_flag(said)}
        return new

    def _attachments(self, old: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the files that a cell's text shows, cleaned, and the names that changed."""
        names: dict[str, str] = {}
        kept: dict[str, Any] = {}
        if not isinstance(old.get("attachments"), dict):
            return kept, names
        for name, bundle in old["attachments"].items():
            content = (
                {kind: said for kind, said in bundle.items() if isinstance(said, str)}
                if isinstance(bundle, dict)
                else {}
            )
            for kind, said in content.items():
                raw = _unpacked(said)
                member = self._packed_file(name, raw)
                if member is None:
                    continue
                names[name] = member.name
                kept.setdefault(member.name, {})[_kind(kind)] = (
                    said if member.content == raw else _packed(member.content)
                )
        return kept, {name: changed for name, changed in names.items() if name != changed}

    def _output(self, old: dict[str, Any]) -> dict[str, Any] | None:
        kind = old.get("output_type")
        new: dict[str, Any] = {}
        if kind not in ("stream", "display_data", "execute_result", "error"):
            self._job.dropped("output")
            return None
        for key, value in old.items():
            if key == "output_type" or (key == "name" and value in ("stdout", "stderr")):
                new[key] = value
            elif key == "execution_count":
                new[key] = value if isinstance(value, int) else None
            elif key in ("text", "ename", "evalue"):
                self._lines(new, key, value, "output")
            elif key == "traceback" and isinstance(value, list):
                new[key] = self._tree(value)
            elif key == "data" and isinstance(value, dict):
                new[key] = self._bundle(value)
            elif key == "metadata":
                new[key] = sizes(value)
            else:
                self._job.dropped("metadata")
        return new

    def _bundle(self, old: dict[str, Any]) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for kind, value in old.items():
            text = "".join(value) if isinstance(value, list) and all(isinstance(line, str) for line in value) else value
            if kind in _TEXT_TYPES:
                self._lines(new, kind, value, "output")
            elif kind == "text/html" and isinstance(text, str):
                page = rewritten_page(_HOME.sub(r"\1user", text), self._job)
                new[kind] = (
                    value if page == text else page.splitlines(keepends=True) if isinstance(value, list) else page
                )
            elif kind in IMAGES and isinstance(text, str):
                self._image(new, kind, value, text)
            elif kind == "image/svg+xml" and isinstance(text, str):
                member = self._job.member("output.svg", text.encode())
                if member is not None:
                    drawing = member.content.decode("utf-8", "replace")
                    new[kind] = (
                        value
                        if drawing == text
                        else drawing.splitlines(keepends=True)
                        if isinstance(value, list)
                        else drawing
                    )
            elif _JSON.fullmatch(kind):
                new[kind] = self._tree(value)
            else:
                self._job.dropped("output")
        return new

    def _packed_file(self, name: str, raw: bytes | None) -> Member | None:
        """Return a file that stood in base64, cleaned, or None where it is left out."""
        if raw is None:
            self._job.leave_out(name, "its encoding is broken")
            return None
        return self._job.member(name, raw)

    def _image(self, new: dict[str, Any], kind: str, value: object, text: str) -> None:
        raw = _unpacked(text)
        member = self._packed_file(f"output.{extension(kind)}", raw)
        if member is not None and member.content == raw:
            new[kind] = value
        elif member is not None:
            new[kind] = _packed(member.content) + "\n" * text.endswith("\n")

    def _tree(self, value: Any) -> Any:
        """Return JSON in which every text is rewritten, names of keys too."""
        if isinstance(value, dict):
            found: dict[str, Any] = {}
            for key, new in zip(value, self._job.rewrite([str(key) for key in value], "name"), strict=True):
                found[new] = None
                self._into(found, new, value[key])
            return found
        if isinstance(value, list):
            items: list[Any] = [None] * len(value)
            for at, item in enumerate(value):
                self._into(items, at, item)
            return items
        return value

    def _into(self, holder: Any, key: Any, value: Any) -> None:
        if isinstance(value, str):
            holder[key] = value
            packed = base64_text(value, self._job)
            if packed is not None:
                holder[key] = packed
            else:
                self._say(value, "output", lambda new: holder.__setitem__(key, new))
        else:
            holder[key] = self._tree(value)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool) or is_word(value)


def _kind(media_type: str) -> str:
    return media_type if re.fullmatch(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}", media_type) else "application/octet-stream"


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if not names:
        return value
    if isinstance(value, list):
        return [_renamed(line, names) for line in value]
    for old, new in names.items():
        if isinstance(value, str):
            value = value.replace(f"attachment:{old}", f"attachment:{new}")
    return value


def _unpacked(text: str) -> bytes | None:
    return decoded(text.encode("utf-8", "replace"))


def _packed(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
