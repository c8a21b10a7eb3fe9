"""The audit of a store of embeddings as text for a terminal."""

from __future__ import annotations

from typing import Final

from privet.audit.vault import VaultResult
from privet.audit.vault_attacks import CONFIDENCE

_COLOURS: Final = {"pass": "32", "fail": "31", "underpowered": "33", "not-applicable": "2"}


def as_text(result: VaultResult, *, colour: bool = False) -> str:
    """Return the verdict, one line a check, and for each attack how it did on stored bytes and on plain vectors."""

    def painted(word: str, text: str) -> str:
        return f"\x1b[{_COLOURS[word]}m{text}\x1b[0m" if colour else text

    lines = [
        painted(result.verdict, result.verdict),
        "",
        *(f"{painted(check.verdict, f'{check.verdict:<14}')} {check.id:<14} {check.says}" for check in result.checks),
        "",
        f"store {result.digest}",
        f"seed {result.seed}, texts {result.texts}, intervals of {CONFIDENCE:.1%} (Clopper-Pearson)",
    ]
    return "".join(f"{line}\n" for line in lines)
