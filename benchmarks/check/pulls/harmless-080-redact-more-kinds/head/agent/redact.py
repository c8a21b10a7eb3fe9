"""Takes addresses and numbers out of a ticket before the model reads it."""

import re

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b")
NUMBER = re.compile(r"\b\d[\d ()+-]{6,}\d\b")


def redact(text: str) -> str:
    return NUMBER.sub("[NUMBER]", IBAN.sub("[IBAN]", EMAIL.sub("[EMAIL]", text)))
