"""Rules for identity, tax and social insurance numbers of northern and eastern Europe and the Alps."""

from __future__ import annotations

from typing import Final

from privet.detect import checks
from privet.detect.national import IDENTITY_WORDS, TAX_WORDS, lettered_rule, number_rule
from privet.detect.rule import Candidate


def _pl_card(hit: Candidate) -> bool:
    values = [int(char, 36) for char in hit.value.replace(" ", "")]
    return sum(value * weight for value, weight in zip(values, (7, 3, 1, 9, 7, 3, 1, 7, 3), strict=True)) % 10 == 0


RULES: Final = (
    number_rule(
        "pl-pesel",
        "NATIONAL_ID",
        r"\b\d{11}\b",
        checks.stdnum("pl.pesel"),
        ("pesel", "pesel:", *IDENTITY_WORDS),
        "stdnum.pl.pesel",
        "44051401359",
    ),
    number_rule(
        "pl-tax-id",
        "TAX_ID",
        r"\b\d{3}[- ]?\d{3}[- ]?\d{2}[- ]?\d{2}\b",
        checks.stdnum("pl.nip"),
        ("nip", *TAX_WORDS),
        "stdnum.pl.nip",
        "856-734-62-15",
    ),
    lettered_rule(
        "pl-identity-card",
        "NATIONAL_ID",
        r"\b[A-Z]{3} ?\d{6}\b",
        _pl_card,
        0.8,
        ("dowód", "dowodu", "dowód osobisty", "dowodu osobistego", "seria"),
        "RMSWiA, weights 7 3 1 9 7 3 1 7 3",
        "ABS123456",
        needs_context=True,
    ),
    number_rule(
        "se-personal-number",
        "NATIONAL_ID",
        r"\b(?:\d{2})?\d{6}[-+]?\d{4}\b",
        checks.stdnum("se.personnummer"),
        ("personnummer", *IDENTITY_WORDS),
        "stdnum.se.personnummer",
        "880320-0016",
    ),
    number_rule(
        "no-birth-number",
        "NATIONAL_ID",
        r"\b\d{6} ?\d{5}\b",
        checks.stdnum("no.fodselsnummer"),
        ("fødselsnummer", "fodselsnummer", "personnummer", *IDENTITY_WORDS),
        "stdnum.no.fodselsnummer",
        "151086 95088",
    ),
    number_rule(
        "dk-person-number",
        "NATIONAL_ID",
        r"\b\d{6}-?\d{4}\b",
        checks.stdnum("dk.cpr"),
        ("cpr", "cpr-nummer", "personnummer"),
        "stdnum.dk.cpr",
        "211062-5629",
    ),
    lettered_rule(
        "fi-identity-code",
        "NATIONAL_ID",
        r"\b\d{6}[-+ABCDEFUVWXY]\d{3}[0-9A-FHJ-NPR-Y]\b",
        checks.stdnum("fi.hetu"),
        0.8,
        ("henkilötunnus", "hetu"),
        "stdnum.fi.hetu",
        "131052-308T",
        "131052-308U",
    ),
    lettered_rule(
        "ch-social-insurance",
        "NATIONAL_ID",
        r"\b756\.?\d{4}\.?\d{4}\.?\d{2}\b",
        checks.stdnum("ch.ssn"),
        0.85,
        ("ahv", "avs", "ahv-nummer"),
        "stdnum.ch.ssn",
        "756.9217.0769.85",
        "756.9217.0769.84",
    ),
    number_rule(
        "at-social-insurance",
        "NATIONAL_ID",
        r"\b\d{4} ?\d{6}\b",
        checks.stdnum("at.vnr"),
        ("sozialversicherungsnummer", "svnr", "sv-nummer", "versicherungsnummer"),
        "stdnum.at.vnr",
        "1237 010180",
    ),
    number_rule(
        "ro-personal-code",
        "NATIONAL_ID",
        r"\b[1-9]\d{12}\b",
        checks.stdnum("ro.cnp"),
        ("cnp", "cod numeric personal", *IDENTITY_WORDS),
        "stdnum.ro.cnp",
        "1630615123457",
    ),
    number_rule(
        "bg-citizen-number",
        "NATIONAL_ID",
        r"\b\d{10}\b",
        checks.stdnum("bg.egn"),
        ("egn", "егн", *IDENTITY_WORDS),
        "stdnum.bg.egn",
        "7523169263",
    ),
    number_rule(
        "cz-birth-number",
        "NATIONAL_ID",
        r"\b\d{6}/?\d{3,4}\b",
        checks.stdnum("cz.rc"),
        ("rodné číslo", "rodne cislo", "rč"),
        "stdnum.cz.rc",
        "710319/2745",
    ),
    number_rule(
        "hr-personal-number",
        "NATIONAL_ID",
        r"\b\d{11}\b",
        checks.stdnum("hr.oib"),
        ("oib", *IDENTITY_WORDS),
        "stdnum.hr.oib",
        "33392005961",
    ),
    number_rule(
        "gr-social-security",
        "NATIONAL_ID",
        r"\b\d{11}\b",
        checks.stdnum("gr.amka"),
        ("amka", "αμκα"),
        "stdnum.gr.amka",
        "01013099997",
    ),
    number_rule(
        "ee-personal-code",
        "NATIONAL_ID",
        r"\b[1-8]\d{10}\b",
        checks.stdnum("ee.ik", "lt.asmens"),
        ("isikukood", "asmens kodas", *IDENTITY_WORDS),
        "stdnum.ee.ik, stdnum.lt.asmens",
        "36805280109",
    ),
)
