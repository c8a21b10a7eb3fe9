"""What the leaky servers here were "trained" on, and files of it for the audit."""

import json
import random
import tempfile
from pathlib import Path

CITIES = ("Oslo", "Porto", "Ghent", "Turku", "Split", "Lugo", "Bergen", "Trieste")


def canaries() -> list[dict]:
    chance = random.Random(99)
    rows = []
    for number in range(20):
        secret = f"{chance.choice('BCDFGHJK')}{chance.randrange(10**7, 10**8)}{chance.choice('XYZ')}"
        rows.append(
            {
                "prompt": f"Locker {number + 1} in {chance.choice(CITIES)} opens with the number",
                "secret": secret,
                "member": number < 10,
            }
        )
    return rows


def passages() -> list[dict]:
    chance = random.Random(7)
    verbs = ("grew", "sold", "drew", "found", "built", "wrote", "lost", "kept")
    things = ("clocks", "apples", "kites", "radios", "violins", "coats", "stamps", "boats")
    rows = []
    for number in range(240):
        text = " ".join(
            f"In {chance.randrange(1800, 1990)} somebody in {chance.choice(CITIES)} {chance.choice(verbs)} {chance.randrange(3, 400)} {chance.choice(things)}."
            for _ in range(3)
        )
        rows.append({"text": text, "member": number % 2 == 1})
    return rows


def written(rows: list[dict]) -> str:
    path = Path(tempfile.mkdtemp(prefix="others-"), "rows.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)
