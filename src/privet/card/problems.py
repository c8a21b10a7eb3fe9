"""What does not hold of a card, or of the evidence beside it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

CARD: Final = "README.md"
FIXES: Final = {
    "card-key-twice": "keep one, and run privet card again",
    "card-markers": "leave one pair of markers, each on a line of its own",
    "card-missing": "write it: privet card DIR",
    "card-edited": "run privet card again: what it writes follows from evidence, and is not edited by hand",
    "card-added": "take it out, or give evidence for it and run privet card again",
    "card-unbacked": "take it out, or say what was measured; what evidence shows stands in the section of privet card",
    "chart-edited": "run privet card again",
    "evidence-missing": "put the file back, or run privet card again without it",
    "evidence-edited": "put back the file as it was signed, or measure again",
    "evidence-unsigned": "take the file that was signed, or measure again",
    "evidence-malformed": "write it again with the command that made it",
    "evidence-unknown": "move it out of the folder of evidence",
    "evidence-twice": "keep the one that counts",
    "evidence-added": "run privet card again",
    "evidence-other-key": "ask who signed it; run privet card again if that is right",
    "evidence-expired": "measure again",
    "evidence-contradicts": "audit again with another seed; if it stays, the training is not what its evidence says",
    "weights-missing": "put the file back, or train and audit again",
    "weights-changed": "put back the file that was audited, or audit the new one",
    "weights-added": "take it out, or train and audit again with it",
}


class Problem(NamedTuple):
    """One thing that does not hold: the rule, the file, the line in it (0: the file as a whole), one sentence."""

    rule: str
    file: str
    line: int
    says: str

    @property
    def fix(self) -> str:
        """What to do about it."""
        return FIXES[self.rule]

    def as_json(self) -> dict[str, Any]:
        """Return the problem for machines."""
        return {"rule": self.rule, "file": self.file, "line": self.line, "says": self.says, "fix": self.fix}
