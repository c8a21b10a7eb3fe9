"""Rules for identity, tax, social insurance and health numbers of the Americas, Asia, Africa and Oceania."""

from __future__ import annotations

from typing import Final

from privet.detect import checks
from privet.detect.national import (
    HEALTH_WORDS,
    IDENTITY_WORDS,
    TAX_WORDS,
    any_shape,
    lettered_rule,
    number_rule,
    weighted,
)
from privet.detect.rule import LETTERED_HEAD, NUMBER_HEAD, Candidate, Rule


def _au_medicare(hit: Candidate) -> bool:
    number = hit.digits
    return weighted(number, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(number[8])


def _sg_nric(hit: Candidate) -> bool:
    value = hit.value
    total = weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + (4 if value[0] in "TG" else 3 if value[0] == "M" else 0)
    table = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}[
        value[0]
    ]
    place = total % 11
    return table[10 - place if value[0] == "M" else place] == value[8]


def _npi(hit: Candidate) -> bool:
    return checks.luhn("80840" + hit.value)


RULES: Final = (
    number_rule(
        "us-itin",
        "TAX_ID",
        r"\b9\d{2}[- ]?\d{2}[- ]?\d{4}\b",
        checks.stdnum("us.itin"),
        ("itin", *TAX_WORDS),
        "IRS publication 1915",
        "912-90-3456",
    ),
    number_rule(
        "us-ein",
        "TAX_ID",
        r"\b\d{2}-\d{7}\b",
        checks.stdnum("us.ein"),
        ("ein", "fein", "employer", *TAX_WORDS),
        "IRS employer numbers",
        "91-1144442",
    ),
    number_rule(
        "ca-social-insurance",
        "NATIONAL_ID",
        r"\b\d{3}[- ]?\d{3}[- ]?\d{3}\b",
        checks.stdnum("ca.sin"),
        ("sin", "social insurance", "nas"),
        "stdnum.ca.sin",
        "123-456-782",
    ),
    number_rule(
        "br-taxpayer",
        "TAX_ID",
        r"\b\d{3}\.?\d{3}\.?\d{3}-?\d{2}\b",
        checks.stdnum("br.cpf"),
        ("cpf", *TAX_WORDS),
        "stdnum.br.cpf",
        "39053344705",
    ),
    lettered_rule(
        "br-taxpayer-formatted",
        "TAX_ID",
        r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b",
        checks.stdnum("br.cpf"),
        0.9,
        ("cpf",),
        "stdnum.br.cpf",
        "390.533.447-05",
        "390.533.447-06",
    ),
    lettered_rule(
        "mx-population-registry",
        "NATIONAL_ID",
        r"\b[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d\b",
        checks.stdnum("mx.curp"),
        0.95,
        ("curp",),
        "stdnum.mx.curp",
        "BOXW310820HNERXN09",
        "BOXW310820HNERXN08",
    ),
    lettered_rule(
        "mx-tax-id",
        "TAX_ID",
        r"\b[A-Z&]{3,4}-?\d{6}-?[A-Z0-9]{3}\b",
        checks.stdnum("mx.rfc"),
        0.85,
        ("rfc", *TAX_WORDS),
        "stdnum.mx.rfc",
        "GODE561231GR8",
        needs_context=True,
    ),
    lettered_rule(
        "cl-national-id",
        "NATIONAL_ID",
        r"\b\d{1,2}\.\d{3}\.\d{3}-[\dkK]\b",
        checks.stdnum("cl.rut"),
        0.85,
        ("rut", "run"),
        "stdnum.cl.rut",
        "12.531.909-2",
        "12.531.909-3",
    ),
    number_rule(
        "ar-tax-id",
        "TAX_ID",
        r"\b(?:20|23|24|27|30|33|34)-?\d{8}-?\d\b",
        checks.stdnum("ar.cuit"),
        ("cuit", "cuil", *TAX_WORDS),
        "stdnum.ar.cuit",
        "20-05536168-2",
    ),
    lettered_rule(
        "in-permanent-account",
        "TAX_ID",
        r"\b[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]\b",
        checks.stdnum("in_.pan"),
        0.7,
        ("pan", "permanent account"),
        "stdnum.in_.pan",
        "ACUPA7085R",
        "ACUXA7085R",
    ),
    number_rule(
        "in-aadhaar",
        "NATIONAL_ID",
        r"\b[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}\b",
        checks.stdnum("in_.aadhaar"),
        ("aadhaar", "aadhar", "uidai", "uid", *IDENTITY_WORDS),
        "stdnum.in_.aadhaar",
        "2341 2341 2346",
    ),
    number_rule(
        "au-tax-file-number",
        "TAX_ID",
        r"\b\d{3} ?\d{3} ?\d{2,3}\b",
        checks.stdnum("au.tfn"),
        ("tfn", "tax file", *TAX_WORDS),
        "stdnum.au.tfn",
        "123 456 782",
    ),
    number_rule(
        "au-medicare",
        "HEALTH_ID",
        r"\b[2-6]\d{3} ?\d{5} ?\d\b",
        _au_medicare,
        ("medicare", *HEALTH_WORDS),
        "Medicare number check digit",
        "2123 45670 1",
    ),
    number_rule(
        "tr-identity",
        "NATIONAL_ID",
        r"\b[1-9]\d{10}\b",
        checks.stdnum("tr.tckimlik"),
        ("kimlik", "tckn", "tc", *IDENTITY_WORDS),
        "stdnum.tr.tckimlik",
        "17291716060",
    ),
    number_rule(
        "za-identity",
        "NATIONAL_ID",
        r"\b\d{6} ?\d{4} ?\d{2} ?\d\b|\b\d{6} \d{4} \d{3}\b",
        checks.stdnum("za.idnr"),
        ("rsa id", "south african", *IDENTITY_WORDS),
        "stdnum.za.idnr",
        "7503305044089",
    ),
    number_rule(
        "il-identity",
        "NATIONAL_ID",
        r"\b\d{7,8}-?\d\b",
        checks.stdnum("il.idnr"),
        ("teudat zehut", "teudat", *IDENTITY_WORDS),
        "stdnum.il.idnr",
        "39337423",
    ),
    lettered_rule(
        "cn-resident-identity",
        "NATIONAL_ID",
        r"\b[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dX]\b",
        checks.stdnum("cn.ric"),
        0.9,
        ("身份证", "resident identity"),
        "stdnum.cn.ric",
        "360426199101010071",
        "360426199101010072",
    ),
    lettered_rule(
        "kr-resident-number",
        "NATIONAL_ID",
        r"\b\d{2}[01]\d[0-3]\d-[1-8]\d{6}\b",
        any_shape,
        0.7,
        ("주민등록번호", "resident registration"),
        "Resident Registration Act",
        "971013-1019902",
        "971013-9019902",
    ),
    lettered_rule(
        "sg-identity",
        "NATIONAL_ID",
        r"\b[STFGM]\d{7}[A-Z]\b",
        _sg_nric,
        0.75,
        ("nric", "fin"),
        "Singapore NRIC checksum",
        "S1234567D",
        "S1234567A",
    ),
    number_rule(
        "us-provider-number",
        "HEALTH_ID",
        r"\b[12]\d{9}\b",
        _npi,
        ("npi", "provider"),
        "CMS national provider identifier",
        "1234567893",
    ),
    lettered_rule(
        "us-medicare-beneficiary",
        "HEALTH_ID",
        r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}\b",
        any_shape,
        0.75,
        ("medicare", "mbi"),
        "CMS MBI format",
        "1EG4-TE5-MK73",
    ),
    Rule(
        id="medical-record-number",
        kind="HEALTH_ID",
        head=NUMBER_HEAD + "|" + LETTERED_HEAD,
        pattern=r"\b(?:[A-Z]{1,3}-?\d{5,10}|\d{6,10})\b",
        score=0.75,
        check=checks.alone,
        context=(
            "mrn",
            "medical record",
            "medical record number",
            "patient id",
            "patient number",
            "patientennummer",
            "historia clínica",
            "nhc",
            "member id",
            "health insurance",
            "policy number",
            "numéro de patient",
        ),
        needs_context=True,
        source="a number after a word for a patient's record",
        hits=("MRN: «00123456»", "Patient ID «A-123456»"),
        misses=("00123456",),
    ),
)
