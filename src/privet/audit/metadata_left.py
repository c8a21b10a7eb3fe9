"""The metadata check: tags of every file, identifiers in what data files say about themselves, and names of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from privet.audit.counting import Counting
from privet.audit.masking import Masking
from privet.audit.printable import marks_in, texts_in
from privet.audit.result import Check, Finding, Findings, counted
from privet.audit.tag import Tag
from privet.audit.tags import tags_of
from privet.audit.unpacking import Entry, Unread
from privet.detect.engine import Detector

_NAME_RULE: Final = "name-identifier"
_BYTES_RULE: Final = "metadata-identifier-in-bytes"
_NOISE: Final = frozenset(("SOCIAL_HANDLE",))
_LEAST_CHARS: Final = 12
"""Any noise holds something like a handle or `a@b.co`: eight addresses in 120 MB, the longest of ten characters."""


class MetadataLeft:
    """Looks at files, one at a time."""

    def __init__(
        self, detector: Detector, patterns: Detector, counting: Counting, masking: Masking, findings: Findings
    ) -> None:
        self._detector = detector
        self._patterns = patterns
        self._counting = counting
        self._masking = masking
        self._findings = findings
        self._files = 0
        self._holding = 0
        self._personal: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._unread: list[str] = []

    def look(self, entry: Entry) -> list[str]:
        """Look at one file, or file in a file, and return the texts of its tags."""
        self._files += 1
        shown = self._masking.masked(entry.name)
        personal: Counter[tuple[str, str]] = Counter()
        # Of a member only its own name: the archive's was looked at before.
        if self._masking.holds(entry.name.rsplit("!/", 1)[-1]):
            personal[_NAME_RULE, ""] += 1
        texts: list[str] = []
        try:
            for tag in tags_of(entry):
                self._count(tag, personal)
                texts.append(tag.text)
        except Unread:
            self._unread.append(shown)
            self._look_at_bytes(entry, personal)
        self._holding += bool(personal)
        for (rule, kind), count in personal.items():
            self._personal[rule] += count
            self._findings.add(Finding(rule, shown, 0, kind=kind))
        return [text for text in texts if text]

    def _count(self, tag: Tag, personal: Counter[tuple[str, str]]) -> None:
        if tag.personal or any(True for _ in self._counting.hits(tag.text, self._detector.find(tag.text))):
            personal[tag.rule, ""] += 1
        else:
            self._notes[tag.rule] += 1

    def _look_at_bytes(self, entry: Entry, personal: Counter[tuple[str, str]]) -> None:
        """Look for identifiers of a fixed form, and marks of metadata, in what no reader can read.

        Names are not looked for: a model sees some in any noise.
        """
        try:
            with entry.open() as stream:
                for tag in marks_in(stream):
                    personal[tag.rule, ""] += 1
            with entry.open() as stream:
                for text in texts_in(stream):
                    for hit in self._counting.hits(text, self._patterns.find(text)):
                        if hit.kind not in _NOISE and hit.span.end - hit.span.start >= _LEAST_CHARS:
                            personal[_BYTES_RULE, hit.kind] += 1
        except Exception:  # a damaged archive; that it cannot be read is known
            return

    def look_at_names(self, file: str, names: Iterable[str]) -> None:
        """Look at the names that a file gives to others."""
        self._files += 1
        if found := sum(map(self._masking.holds, dict.fromkeys(names))):
            self._holding += 1
            self._personal[_NAME_RULE] += found
            self._findings.add(Finding(_NAME_RULE, file, 0))

    def check(self) -> Check:
        """Return the check."""
        figures = {
            "files": self._files,
            "files_holding": self._holding,
            "personal": dict(sorted(self._personal.items())),
            "notes": dict(sorted(self._notes.items())),
            "unread": len(self._unread),
            "unread_files": sorted(self._unread),
        }
        unread = f"the metadata of {counted(len(self._unread), 'file')} could not be read" if self._unread else ""
        if self._holding:
            says = f"{self._holding} of {counted(self._files, 'file')} hold personal metadata"
            return Check("metadata", "fail", f"{says}; {unread}" if unread else says, figures)
        if unread:
            return Check("metadata", "underpowered", unread, figures)
        says = f"no personal metadata was found in {counted(self._files, 'file')}"
        return Check("metadata", "pass", says, figures)
