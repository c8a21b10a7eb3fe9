"""A folder of files with planted personal data, and what was planted in each; writers that are not installed are left out and named."""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROSE: Final = (
    "The garden is watered twice a week and the paths are swept when leaves fall. "
    "Write to {address} before noon if the gate is closed. "
    "Tomatoes need more light than lettuce, and both need soil that drains well."
)
"""Nothing in it identifies anyone but the address."""
PLANTS: Final = [
    "apple",
    "basil",
    "beet",
    "carrot",
    "celery",
    "chard",
    "clover",
    "cress",
    "dill",
    "fennel",
    "garlic",
    "ginger",
    "hazel",
    "hops",
    "kale",
    "leek",
    "lentil",
    "linden",
    "maize",
    "mallow",
    "melon",
    "mint",
    "moss",
    "mustard",
    "nettle",
    "oats",
    "olive",
    "onion",
    "oregano",
    "parsley",
    "pea",
    "pear",
    "plum",
    "poppy",
    "quince",
    "radish",
    "rhubarb",
    "rye",
    "sage",
    "sorrel",
    "spelt",
    "squash",
]
TIMEOUT_SECONDS: Final = 240


@dataclass(frozen=True, slots=True)
class Planted:
    """One file: what it is, who wrote it, and the word that may not be found in it any more."""

    name: str
    form: str
    writer: str
    canary: str
    fate: str
    """`clean`: can be cleaned, `any`: damaged or lying, cleaned or refused but never leaking or hanging, `refuse`: must be refused"""


@dataclass(slots=True)
class Corpus:
    """What is written, and the tags that exiftool adds to it at the end."""

    folder: Path
    chance: random.Random
    files: list[Planted] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    tags: list[tuple[Path, list[str]]] = field(default_factory=list)

    def word(self) -> str:
        """Return a new word that occurs nowhere else."""
        return f"cnry{self.chance.getrandbits(32):08x}"

    def put(
        self,
        form: str,
        suffix: str,
        writer: str,
        write: Callable[[Path, str], object],
        fate: str = "clean",
        canary: str = "",
    ) -> Path | None:
        """Let `write` make a file with a canary, a new one unless named. Returns its path, or None where the writer is missing or fails."""
        canary = canary or self.word()
        folder = self.folder / form
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{writer}-{len(self.files):04d}{suffix}"
        try:
            write(path, canary)
        except Exception as error:
            path.unlink(missing_ok=True)
            self.missing[f"{writer} {form}"] = f"{type(error).__name__}: {str(error)[:200]}"
            return None
        if not path.is_symlink() and not path.exists():
            self.missing[f"{writer} {form}"] = "wrote nothing"
            return None
        self.files.append(Planted(str(path.relative_to(self.folder)), form, writer, canary, fate))
        return path

    def tagged(
        self, form: str, suffix: str, writer: str, write: Callable[[Path, str], object], tags: Sequence[str]
    ) -> None:
        """Let `write` make a file, and exiftool add tags later; `{}` in a tag stands for the canary."""
        if path := self.put(form, suffix, writer, write):
            self.tags.append((path, [tag.replace("{}", self.files[-1].canary) for tag in tags]))

    def add_tags(self) -> None:
        """Let one exiftool process add all tags."""
        lines: list[str] = []
        for path, tags in self.tags:
            lines += ["-q", "-q", "-m", "-overwrite_original", *tags, str(path), "-execute"]
        try:
            subprocess.run(
                ["exiftool", "-@", "-"],
                input="\n".join(lines),
                text=True,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self.missing["exiftool"] = type(error).__name__

    def save(self, path: Path) -> None:
        """Write what was planted as JSON."""
        path.write_text(json.dumps({"files": [asdict(file) for file in self.files], "missing": self.missing}, indent=1))


def prose(canary: str) -> str:
    """Return harmless sentences with one address that holds the canary."""
    return PROSE.format(address=f"{seen(canary)}@example.com")


def seen(canary: str) -> str:
    """Return the word that stands in texts where the canary stands in metadata: not every tool looks for addresses in texts."""
    return f"seen{canary[4:]}"


def row_of(canary: str, number: int) -> str:
    """Return words for one row of a table; every row of every file is another one, so that none is a duplicate."""
    return " ".join(random.Random(f"{canary}{number}").sample(PLANTS, 7))  # noqa: S311 -- words of a row


def command(*words: str | Path, timeout: int = TIMEOUT_SECONDS) -> None:
    """Run a program that must succeed."""
    subprocess.run(
        [str(word) for word in words], check=True, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL
    )
