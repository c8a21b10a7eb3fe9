"""A process that writes to a vault and tells each write that was acknowledged, until it is killed."""

from __future__ import annotations

import random
import sys

import numpy as np

from privet.vault import Vault


def vector_of(name: str) -> list[float]:
    """Return the vector of a record: it says whose it is."""
    return np.random.default_rng(int(name)).normal(size=8).astype(np.float32).tolist()


def main(folder: str, seed: str) -> None:
    """Write for ever: `+ name subject`, `- name`, `forget subject` are said before, `ok` after each."""
    chance = random.Random(int(seed))
    with Vault.open(f"{folder}/data", keys=f"{folder}/keys") as vault:
        say("opened")
        number = max(map(int, vault.ids()), default=0)
        while True:
            kind = chance.choice(["add", "add", "add", "delete", "forget", "compact", "rotate"])
            if kind == "add":
                names = [str(number + 1 + each) for each in range(chance.choice([1, 3, 40]))]
                number += len(names)
                subjects = [chance.choice(["", "ann", "bob", f"s{name}"]) for name in names]
                say("+ " + " ".join(f"{name}:{subject}" for name, subject in zip(names, subjects, strict=True)))
                vault.add(
                    names,
                    np.array([vector_of(name) for name in names], np.float32),
                    documents=[f"document {name}" for name in names],
                    subject=[subject or None for subject in subjects],
                )
            elif kind == "delete" and len(vault):
                name = chance.choice(vault.ids())
                say(f"- {name}")
                vault.delete([name])
            elif kind == "forget":
                subject = chance.choice(["ann", "bob"])
                say(f"forget {subject}")
                vault.forget(subject)
            elif kind == "compact" and chance.random() < 0.2:
                say("compact")
                vault.compact()
            elif kind == "rotate" and chance.random() < 0.2:
                say("rotate")
                vault.rotate()
            else:
                continue
            say("ok")


def say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
