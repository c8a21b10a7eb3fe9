"""The metadata check: tags of every file, identifiers in what data files say about themselves, and names of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from privet.audit.counting import Counting
from privet.audit.masking import Masking
from privet.audit.reading import Entry, Unread
from privet.audit.result import Check, Finding, Findings
from privet.audit.tags import tags_of
from privet.detect.engine import Detector

_NAME_RULE = "name-identifier"


class MetadataLeft:
    """Looks at files, one at a time."""

    def __init__(self, detector: Detector, counting: Counting, masking: Masking, findings: Findings) -> None:
        self._detector = detector
        self._counting = counting
        self._masking = masking
        self._findings = findings
        self._files = 0
        self._holding = 0
        self._personal: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._unread = 0

    def look(self, entry: Entry) -> None:
        """Look at one file, or file in a file."""
        self._files += 1
        shown = self._masking.masked(entry.name)
        personal: Counter[str] = Counter()
        # Of a member only its own name: the archive's was looked at before.
        if self._masking.holds(entry.name.rsplit("!/", 1)[-1]):
            personal[_NAME_RULE] += 1
        try:
            for tag in tags_of(entry):
                hits = tag.text and any(True for _ in self._counting.hits(tag.text, self._detector.find(tag.text)))
                (personal if tag.personal or hits else self._notes)[tag.rule] += 1
        except Unread:
            self._unread += 1
        self._holding += bool(personal)
        self._personal.update(personal)
        for rule in personal:
            self._findings.add(Finding(rule, shown, 0))

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
            "unread": self._unread,
        }
        if self._holding:
            return Check("metadata", "fail", f"{self._holding} of {self._files} files hold personal metadata", figures)
        if self._unread:
            says = f"the metadata of {self._unread} files could not be read"
            return Check("metadata", "underpowered", says, figures)
        return Check("metadata", "pass", f"no personal metadata was found in {self._files} files", figures)
