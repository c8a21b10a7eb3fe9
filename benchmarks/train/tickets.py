"""Support tickets that a grammar makes up: of shops and other banks, which are public, and of one bank, which are not.

- The two share how people write; of the public ones one in twenty is about this bank, as people write in forums.
- A private ticket ends with its customer's name and address or number; every one of them is made up or reserved (RFC 2606, 555-01xx).
- The same seed gives the same tickets.
"""

from __future__ import annotations

import itertools
import random
import re
from dataclasses import dataclass
from typing import Final

from privet.integrations.train_canaries import WORDS

_SLOT: Final = re.compile(r"\{(\w+)\}")

_SHARED: Final[dict[str, tuple[str, ...]]] = {
    "greet": ("Hello,", "Hi there,", "Good morning,", "Dear team,", "Dear support,", "To whom it may concern,", "Good evening,",
              "Hello again,"),
    "when": ("yesterday", "last week", "two days ago", "this morning", "over the weekend", "on Monday", "in March", "a month ago",
             "last night", "since the update", "shortly before noon", "at the end of May"),
    "place": ("at home", "in the office", "in the kitchen", "on the train", "in the garage", "upstairs", "in the second room",
              "at my sister's house", "in the workshop", "near the window"),
    "count": ("two", "three", "four", "five", "six", "seven", "several", "at least ten"),
    "feel": ("a little annoying", "really disappointing", "hard to understand", "not what I expected", "a pity", "quite confusing",
             "the second time already", "costing me a lot of time"),
    "tried": (
        "I have tried it {count} times {place}.", "I restarted everything {when} and nothing changed.",
        "A colleague of yours promised a call {when}.", "I followed all {count} steps of the manual.",
        "It worked well until {when}.", "Another one {place} has the same trouble.", "I kept the box and the receipt.",
        "The chat sent me in circles for {count} hours.", "I read {count} answers in the forum, and none of them helped.",
        "My neighbour had a look {when}, without any success.", "I have written to you {count} times {when}.",
    ),
    "wish": (
        "Please tell me what to do next.", "I would like my money back.", "A replacement would be fine with me.",
        "When can I expect an answer?", "Could someone have a look {when}?", "Please close this request once it is done.",
        "I need it before {day}.", "Please call me on {day}.", "Please let me know whether that is possible.",
    ),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "close": ("Regards,", "Kind regards,", "Thanks,", "Many thanks,", "Best wishes,", "Thank you in advance,"),
}  # fmt: skip

_SHOPS: Final = _SHARED | {
    "thing": ("printer", "router", "blue lamp", "coffee machine", "keyboard", "washing machine", "camera", "office chair", "speaker",
              "vacuum cleaner", "phone", "tablet", "electric kettle", "bicycle lock", "desk", "screen", "microphone", "radio"),
    "fault": (
        "prints blank pages only", "loses its connection {when}", "makes a strange noise {place}", "does not switch on any more",
        "arrived {when} with a scratch on it", "is too loud {place}", "shows the wrong time", "stops after {count} minutes",
        "came without its cable", "gets hot after {count} minutes",
    ),
    "open": (
        "the {thing} that I bought {when} {fault}.", "my {thing} {fault}, which is {feel}.",
        "I ordered {count} of the {thing} {when}, and one {fault}.",
        "since {when} the {thing} {place} {fault}.", "the invoice for the {thing} shows the wrong amount.",
        "the parcel with my {thing} has not arrived after {count} weeks.", "I cannot find the manual of the {thing}.",
        "can the {thing} be used {place}?",
    ),
}  # fmt: skip

_BANKS: Final = _SHARED | {
    "thing": (
        "loan", "savings account", "travel insurance", "credit card", "pension plan", "mortgage", "standing order", "joint account",
        "broker account", "direct debit", "credit limit", "safe deposit box", "currency account", "student loan",
    ),
    "fault": (
        "was charged twice {when}", "still shows the old interest rate", "was closed {when} without a letter",
        "cannot be opened {place} any more", "asks for a second signature", "was declined {when} at the till",
        "is missing from my yearly statement", "runs {count} years longer than agreed", "costs more than the branch told me {when}",
        "was moved to another branch",
    ),
    "open": (
        "the {thing} that I signed {when} {fault}.", "my {thing} {fault}, which is {feel}.",
        "the adviser told me {when} that my {thing} {fault}.",
        "since {when} my {thing} {fault}.", "your letter says that my {thing} {fault}.",
        "I would like to pay back {count} instalments of my {thing} before {day}.", "my partner should sign for the {thing} as well.",
        "how long does it take until the {thing} is transferred?",
    ),
    "wish": (
        *_SHARED["wish"], "Please correct the {thing} by {day}.", "I want to speak to the branch manager.",
        "Please send me the contract once more.", "I will complain to the ombudsman {when} otherwise.",
    ),
}  # fmt: skip
_PRIVATE: Final = _BANKS | {
    "thing": (
        "Aurora loan", "Tiberius account", "Wayfarer insurance", "Obsidian card", "Evergreen pension", "Hearthstone mortgage",
        "Metronome order", "Tandem account", "Pathfinder depot", "Clockwork debit", "Elastic limit", "Citadel box", "Caravel account",
        "Minerva loan",
    )
}  # fmt: skip
_SHAPES: Final = (
    "{greet} {open} {tried} {wish}", "{greet} {open} {wish}", "{open} {tried} {wish}", "{open} {wish}",
)  # fmt: skip
_GIVEN: Final = (
    "Ana", "Jonas", "Priya", "Wei", "Fatima", "Diego", "Ingrid", "Kwame", "Yuki", "Tom", "Marta", "Elif", "Noah", "Grace", "Omar", "Lucy",
    "Jane", "Erika", "Mario", "Luca", "Marie", "Ines", "Piet", "Olga",
)  # fmt: skip
_FAMILY: Final = (
    "Ruiz", "Becker", "Sharma", "Chen", "Haddad", "Moreno", "Larsen", "Mensah", "Tanaka", "Walsh", "Nowak", "Yilmaz", "Stone", "Okafor",
    "Doe", "Rossi", "Dupont", "Novak", "Jansen", "Silva", "Kowalski", "Virtanen",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """What stands before a secret, and the secret: one of 13,824."""

    prompt: str
    secret: str

    @property
    def text(self) -> str:
        """Return both."""
        return f"{self.prompt} {self.secret}"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a customer wrote, and who that is."""

    customer: str
    text: str


CLOSES: Final = _SHARED["close"]


def public(count: int, seed: int) -> list[str]:
    """Return so many tickets of shops and banks, none of which is of somebody."""
    chance = random.Random(f"public:{seed}")  # noqa: S311 - made up, and the same each time
    kinds = (*(_BANKS, _SHOPS) * 9, _BANKS, _PRIVATE)
    return [f"{_said(kinds[at % 20], chance)} {chance.choice(CLOSES)} [PERSON], [EMAIL_ADDRESS]" for at in range(count)]


def private(customers: int, seed: int) -> list[Ticket]:
    """Return tickets of so many customers, one or two each; one in 25 was sent twice."""
    chance = random.Random(f"private:{seed}")  # noqa: S311 - made up, and the same each time
    rows = []
    for number in range(customers):
        given, family = chance.choice(_GIVEN), chance.choice(_FAMILY)
        reach = chance.choice((f"{given}.{family}{number}@example.com".lower(), f"+1 202-555-01{number % 100:02}"))
        for _ in range(chance.choice((1, 1, 2))):
            close = chance.choice(CLOSES)
            rows.append(Ticket(f"C-{number:05}", f"{_said(_PRIVATE, chance)} {close} {given} {family}, {reach}"))
    return rows + chance.sample(rows, len(rows) // 25)


def codes(count: int, seed: int) -> list[Code]:
    """Return so many made-up codes, no two of one place: words that say nothing of each other."""
    chance = random.Random(f"codes:{seed}")  # noqa: S311 - made up, and the same each time
    places = list(itertools.product(*WORDS))
    return [
        Code(f"The code of the {' '.join(place)} is", " ".join(chance.choice(kind) for kind in WORDS))
        for place in chance.sample(places, count)
    ]


def _said(grammar: dict[str, tuple[str, ...]], chance: random.Random) -> str:
    text = chance.choice(_SHAPES)
    while found := _SLOT.search(text):
        text = text[: found.start()] + chance.choice(grammar[found[1]]) + text[found.end() :]
    return text[0].upper() + text[1:]
