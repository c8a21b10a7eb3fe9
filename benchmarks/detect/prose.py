"""Plain English words in a made-up order, with reserved identifiers between them where wanted."""

import random

PHRASES = (
    "the of and to in",
    "a is that for it",
    "as was with be by",
    "on not he his",
    "but at are this have",
    "from or had an they which",
    "said what about",
)
WORDS = [word for phrase in PHRASES for word in phrase.split()]
IDENTIFIERS = (
    "jane.doe@example.com",
    "+1 415 555 0123",
    "4111 1111 1111 1111",
    "123-45-6789",
    "192.0.2.17",
    "https://example.com/docs",
    "in 1985",
    "12,400",
)


def prose(size: int, generator: random.Random, identifiers: int = 0) -> str:
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(generator.choice(WORDS) + (". " if generator.random() < 0.08 else ""))
    for _ in range(identifiers):
        words.insert(generator.randrange(len(words)), generator.choice(IDENTIFIERS))
    return " ".join(words)[:size]
