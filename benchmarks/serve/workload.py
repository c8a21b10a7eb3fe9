"""What every server is asked, and the one answer that counts as right.

- Every prompt ends with an address of its own, and the mock's answer repeats it: an answer is right only when
  it equals `answer(...)` to the letter, so each request also proves that its caller got its address back.
- The same seed gives the same bodies; other numbers give other texts, so a cache of texts cannot flatter.
- Only reserved data: example.com, 192.0.2.0/24, 555-01xx, test cards, the fictional bank WEST.
"""

import json
import random
from typing import Final, Literal

Kind = Literal["short", "fresh", "resent"]

MODEL: Final = "mock-model"
SHORT_ANSWER_EVENTS: Final = 12
TURNS: Final = 8

# What the upstream may never see once masking is on: one marker for each kind of identifier in these texts.
RAW_MARKERS: Final = (b"@example.", b"-555-01", b"WEST", b"4111 1111", b"192.0.2.")


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


ANSWER_WORDS: Final = words("the plan holds and each part is ready for the next step while we wait")
NOUNS: Final = words(
    "invoice contract shipment warranty booking refund delivery meeting report budget sample "
    "repair quote ticket parcel lease permit survey estimate draft module carpet boiler "
    "printer window garden"
)
VERBS: Final = words("review move cancel confirm postpone approve rewrite compare collect return replace finish")
MOODS: Final = words("quick careful friendly short formal detailed honest gentle final second plain calm")
DAYS: Final = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
PROSE: Final = (
    "We still have to {verb} the {noun} before {day}, and the {mood} version from last week is not enough.",
    "The {noun} arrived on {day} with a {mood} note, but {n} of the pieces were for a different {noun2}.",
    "Could you {verb} the {noun} and say in a {mood} tone why the {noun2} takes {n} days longer?",
    "A colleague wanted to {verb} it on {day}; then the {noun2} was {mood} and nobody missed the {noun}.",
    "If the {noun} costs more than {n} euros, please {verb} the {noun2} first and keep the answer {mood}.",
    "On {day} someone from the {noun} desk promised a {mood} reply within {n} hours and then went quiet.",
    "I attach no {noun} this time because the {noun2} from {day} already shows {n} {mood} examples.",
    "Please {verb} both the {noun} and the {noun2}, number {n} in the list, in {mood} words.",
)
PERSONAL: Final = (
    "You can call me on +1 202-555-01{two:02d} after {day} about the {noun}.",
    "The card I paid the {noun} with was 4111 1111 1111 1111 and the receipt has a {mood} stamp.",
    "Send the {mood} refund for the {noun} to {iban} by {day}.",
    "Our {noun} printer answers at 192.0.2.{octet} when it is in a {mood} state.",
)


def address(seed: int, number: int) -> str:
    """Return the address that belongs to one request and to no other."""
    return f"caller-{seed}-{number}@example.com"


def answer_pieces(events: int, echo: str) -> list[str]:
    """Return an answer as `events` deltas (four or more), `echo` broken over two in the middle."""
    pieces = [f"{ANSWER_WORDS[i % len(ANSWER_WORDS)]} " for i in range(events)]
    middle, cut = events // 2, len(echo) // 2
    pieces[middle : middle + 2] = [echo[:cut], f"{echo[cut:]} "]
    return pieces


def answer(events: int, echo: str) -> str:
    """Return the whole text of an answer."""
    return "".join(answer_pieces(events, echo))


def iban(rng: random.Random) -> str:
    """Return an account number of the fictional bank WEST with valid check digits (ISO 7064, mod 97-10)."""
    account = f"WEST{rng.randrange(10**14):014d}"
    as_number = "".join(str(int(c, 36)) for c in f"{account}GB00")
    return f"GB{98 - int(as_number) % 97:02d}{account}"


def sentence(form: str, rng: random.Random) -> str:
    """Return one sentence with every blank filled."""
    noun, noun2 = rng.sample(NOUNS, 2)
    return form.format(
        noun=noun,
        noun2=noun2,
        verb=rng.choice(VERBS),
        mood=rng.choice(MOODS),
        day=rng.choice(DAYS),
        n=rng.randrange(2, 900),
        two=rng.randrange(100),
        octet=rng.randrange(1, 255),
        iban=iban(rng),
    )


def prose(rng: random.Random, length: int) -> str:
    """Return a letter of about `length` bytes that holds a phone number, card, account and host address."""
    letter = [sentence(form, rng) for form in PERSONAL]
    while sum(map(len, letter)) < length:
        letter.insert(rng.randrange(len(letter) + 1), sentence(rng.choice(PROSE), rng))
    return " ".join(letter)


def question(rng: random.Random, mine: str) -> str:
    """Return a question of about 60 bytes that ends with the caller's address."""
    return f"{rng.choice(VERBS)} the {rng.choice(MOODS)} {rng.choice(NOUNS)} and mail {mine}"


def conversation(seed: int, number: int) -> list[dict[str, str]]:
    """Return a conversation up to turn `number % TURNS`: 1 kB at its start, short questions after it."""
    first = number - number % TURNS
    rng = random.Random(f"{seed}/{first}")  # noqa: S311 - a load that can be repeated
    messages = [{"role": "user", "content": f"{prose(rng, 900)} Write to {address(seed, first)}"}]
    for earlier in range(first, number):
        messages += [
            {"role": "assistant", "content": answer(SHORT_ANSWER_EVENTS, address(seed, earlier))},
            {"role": "user", "content": question(rng, address(seed, earlier + 1))},
        ]
    return messages


def body(kind: Kind, seed: int, number: int, *, stream: bool) -> bytes:
    """Return the JSON of request `number`."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311 - a load that can be repeated
    mine = address(seed, number)
    if kind == "resent":
        messages = conversation(seed, number)
    else:
        before = f"{prose(rng, 900)} Write to {mine}" if kind == "fresh" else question(rng, mine)
        messages = [{"role": "user", "content": before}]
    fields: dict[str, object] = {"model": MODEL, "messages": messages}
    if stream:
        fields["stream"] = True
    return json.dumps(fields, separators=(",", ":")).encode()
