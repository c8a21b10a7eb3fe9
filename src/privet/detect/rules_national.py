"""Rules for numbers that states give to people: identity, tax, social insurance, health.

A format whose letters and checksum leave little to chance counts alone; bare digits with a one-digit checksum (one in ten
passes by chance) count only after a word that names them.
"""

from __future__ import annotations

from typing import Final

from privet.detect import checks
from privet.detect.rule import Candidate, Check, Rule
from privet.detect.rules_personal import LETTERED_HEAD, NUMBER_HEAD

_TAX: Final = (
    "tax", "tax id", "taxpayer", "tin", "steuer", "steuer-id", "steuernummer", "steuer-identifikationsnummer", "idnr", "fiscal", "fiscale", "nif", "rfc",
    "impôts", "fiscaux", "fiscalité", "contribuinte", "podatnika",
)  # fmt: skip
_IDENTITY: Final = (
    "id", "identity", "national id", "id number", "identification", "citizen", "ausweis", "personalausweis", "identidad", "identité", "identità",
    "identiteit", "identidade", "dowód", "documento", "document", "personal number", "personal id",
)  # fmt: skip
_HEALTH: Final = ("health", "insurance", "patient", "krankenversicherung", "sanitaria", "santé", "salud", "medical", "mrn")


_OWN_HEAD: Final = frozenset(("gb-national-insurance", "us-medicare-beneficiary", "pl-identity-card", "es-foreigner", "it-fiscal-code", "de-identity-card", "mx-tax-id"))


def _number(
    rule_id: str, kind: str, pattern: str, check: Check, context: tuple[str, ...], source: str, hit: str, *misses: str, score: float = 0.8
) -> Rule:
    """Return a rule for digits that need a word before them."""
    word = context[0]
    return Rule(
        id=rule_id, kind=kind, head=NUMBER_HEAD, pattern=pattern, score=score, check=_alone(check), context=context, needs_context=True,
        source=source, hits=(f"{word}: «{hit}»",), misses=(hit, *misses),
    )  # fmt: skip


def _lettered(
    rule_id: str, kind: str, pattern: str, check: Check, score: float, context: tuple[str, ...], source: str, hit: str, *misses: str,
    needs_context: bool = False,
) -> Rule:
    """Return a rule for a format of letters and digits."""
    head = "" if rule_id in _OWN_HEAD else NUMBER_HEAD if pattern.startswith((r"\b\d", r"\b[12]", r"\b[1-9]", r"\b(?:\d", r"\b756")) else LETTERED_HEAD
    return Rule(
        id=rule_id, kind=kind, head=head, pattern=pattern, score=score, check=_alone(check), context=context, context_score=0.9,
        needs_context=needs_context, source=source, hits=(f"{context[0]} «{hit}»",) + (() if needs_context else (f"x «{hit}».",)),
        misses=misses,
    )  # fmt: skip


def _alone(check: Check) -> Check:
    return checks.both(checks.alone, check)


def _shape(_hit: Candidate) -> bool:
    return True


RULES: Final = (
    _number("us-itin", "TAX_ID", r"\b9\d{2}[- ]?\d{2}[- ]?\d{4}\b", checks.stdnum("us.itin"), ("itin", *_TAX), "IRS publication 1915", "912-90-3456"),
    _number("us-ein", "TAX_ID", r"\b\d{2}-\d{7}\b", checks.stdnum("us.ein"), ("ein", "fein", "employer", *_TAX), "IRS employer numbers", "91-1144442"),
    _number("ca-social-insurance", "NATIONAL_ID", r"\b\d{3}[- ]?\d{3}[- ]?\d{3}\b", checks.stdnum("ca.sin"), ("sin", "social insurance", "nas"), "stdnum.ca.sin", "123-456-782"),
    _number("gb-health-number", "HEALTH_ID", r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b", checks.stdnum("gb.nhs"), ("nhs", *_HEALTH), "NHS data dictionary", "943 476 5870"),
    _number("gb-taxpayer-reference", "TAX_ID", r"\b\d{10}\b", checks.stdnum("gb.utr"), ("utr", *_TAX), "stdnum.gb.utr", "1955839661"),
    _lettered(
        "gb-national-insurance", "NATIONAL_ID", r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?\d{2}){3} ?[A-D]\b", _shape, 0.65,
        ("national insurance", "nino", "ni number", "insurance"), "HMRC manual NIM39110", "AB 12 34 56 C", "AB1234567C", "OO 12 34 56 C",
    ),
    _number("de-tax-id", "TAX_ID", r"\b\d{2}[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}\b", checks.stdnum("de.idnr"), ("steuer-id", *_TAX), "stdnum.de.idnr", "36 574 261 809"),
    _lettered(
        "de-social-insurance", "NATIONAL_ID", r"\b\d{2}[ ]?(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[ ]?[A-Z][ ]?\d{3}\b", _shape, 0.8,
        ("rentenversicherungsnummer", "sozialversicherungsnummer", "versicherungsnummer", "sv-nummer", "rvnr"), "VKVV section 2", "65 170839 J 003",
        needs_context=True,
    ),
    _lettered(
        "de-identity-card", "NATIONAL_ID", r"\b[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}\d?(?:<<)?D?\b", checks.has_digit, 0.8,
        ("personalausweis", "ausweisnummer", "ausweis", "personalausweisnummer", "ausweis-nr"), "BSI TR-03127", "T220001293", "TREFFPUNKT", needs_context=True,
    ),
    _lettered(
        "de-health-insurance", "HEALTH_ID", r"\b[A-Z]\d{9}\b", lambda hit: _shape(hit), 0.85,
        ("krankenversichertennummer", "versichertennummer", "kvnr", "krankenkasse", "versicherten-nr", "krankenversicherung"), "SGB V section 290", "A123456780",
        needs_context=True,
    ),
    _lettered(
        "fr-social-security", "NATIONAL_ID", r"\b[12][ ]?\d{2}[ ]?(?:0[1-9]|1[0-2]|[2-9]\d)[ ]?(?:\d{2}|2[AB])[ ]?\d{3}[ ]?\d{3}[ ]?\d{2}\b", checks.stdnum("fr.nir"), 0.8,
        ("sécurité sociale", "nir", "insee", "sécu", "secu"), "stdnum.fr.nir", "2 95 10 99 126 111 93", "2 95 10 99 126 111 94",
    ),
    _number("fr-tax-id", "TAX_ID", r"\b[0-3]\d(?: ?\d{2}){1}(?: ?\d{3}){3}\b", checks.stdnum("fr.nif"), ("numéro fiscal", *_TAX), "stdnum.fr.nif", "30 23 217 600 053"),
    _lettered(
        "es-identity", "NATIONAL_ID", r"\b(?:\d{8}|\d{2}\.\d{3}\.\d{3})[- ]?[A-HJ-NP-TV-Z]\b", lambda hit: checks.stdnum("es.dni")(hit), 0.6,
        ("dni", "nif", "documento", "identidad"), "stdnum.es.dni", "54362315K", "54362315Z",
    ),
    _lettered(
        "es-foreigner", "NATIONAL_ID", r"\b[XYZ][- ]?\d{7}[- ]?[A-HJ-NP-TV-Z]\b", checks.stdnum("es.nie"), 0.7, ("nie", "extranjero"), "stdnum.es.nie", "X-2482300W", "X-2482300A",
    ),
    _lettered(
        "es-social-security", "NATIONAL_ID", r"\b\d{2}[ /-]?\d{8}[ /-]?\d{2}\b", lambda hit: _es_social(hit), 0.8,
        ("seguridad social", "nuss", "afiliación", "nss", "naf"), "Orden de 1 de julio de 1998", "28/12345678/40", needs_context=True,
    ),
    _lettered(
        "it-fiscal-code", "TAX_ID", r"\b[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]\b", checks.stdnum("it.codicefiscale"), 0.95,
        ("codice fiscale", "fiscale", "cf"), "stdnum.it.codicefiscale", "RCCMNL83S18D969H", "RCCMNL83S18D969A",
    ),
    _number("nl-citizen-number", "NATIONAL_ID", r"\b\d{4}[. ]?\d{2}[. ]?\d{3}\b", checks.stdnum("nl.bsn"), ("bsn", "burgerservicenummer", "sofinummer", "sofi"), "stdnum.nl.bsn", "111222333"),
    _number("be-national-number", "NATIONAL_ID", r"\b\d{2}[. ]?\d{2}[. ]?\d{2}[- ]?\d{3}[. ]?\d{2}\b", checks.stdnum("be.nn"), ("rijksregisternummer", "registre national", "nationaal nummer", "insz", "niss", *_IDENTITY), "stdnum.be.nn", "85.07.30-033 28"),
    _number("pl-pesel", "NATIONAL_ID", r"\b\d{11}\b", checks.stdnum("pl.pesel"), ("pesel", "pesel:", *_IDENTITY), "stdnum.pl.pesel", "44051401359"),
    _number("pl-tax-id", "TAX_ID", r"\b\d{3}[- ]?\d{3}[- ]?\d{2}[- ]?\d{2}\b", checks.stdnum("pl.nip"), ("nip", *_TAX), "stdnum.pl.nip", "856-734-62-15"),
    _lettered(
        "pl-identity-card", "NATIONAL_ID", r"\b[A-Z]{3} ?\d{6}\b", lambda hit: _pl_card(hit), 0.8, ("dowód", "dowodu", "dowód osobisty", "dowodu osobistego", "seria"),
        "RMSWiA, weights 7 3 1 9 7 3 1 7 3", "ABS123456", needs_context=True,
    ),
    _number("pt-tax-id", "TAX_ID", r"\b[1-9]\d{2} ?\d{3} ?\d{3}\b", checks.stdnum("pt.nif"), ("nif", "contribuinte", *_TAX), "stdnum.pt.nif", "501 964 843"),
    _lettered(
        "pt-citizen-card", "NATIONAL_ID", r"\b\d{8} ?\d ?[A-Z0-9]{2}\d\b", checks.stdnum("pt.cc"), 0.7, ("cartão de cidadão", "cidadão", "bi"), "stdnum.pt.cc", "00000000 0 ZZ4",
    ),
    _number("br-taxpayer", "TAX_ID", r"\b\d{3}\.?\d{3}\.?\d{3}-?\d{2}\b", checks.stdnum("br.cpf"), ("cpf", *_TAX), "stdnum.br.cpf", "39053344705"),
    _lettered("br-taxpayer-formatted", "TAX_ID", r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b", checks.stdnum("br.cpf"), 0.9, ("cpf",), "stdnum.br.cpf", "390.533.447-05", "390.533.447-06"),
    _lettered(
        "mx-population-registry", "NATIONAL_ID", r"\b[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d\b", checks.stdnum("mx.curp"), 0.95, ("curp",), "stdnum.mx.curp", "BOXW310820HNERXN09", "BOXW310820HNERXN08",
    ),
    _lettered(
        "mx-tax-id", "TAX_ID", r"\b[A-Z&]{3,4}-?\d{6}-?[A-Z0-9]{3}\b", checks.stdnum("mx.rfc"), 0.85, ("rfc", *_TAX), "stdnum.mx.rfc", "GODE561231GR8", needs_context=True,
    ),
    _lettered("cl-national-id", "NATIONAL_ID", r"\b\d{1,2}\.\d{3}\.\d{3}-[\dkK]\b", checks.stdnum("cl.rut"), 0.85, ("rut", "run"), "stdnum.cl.rut", "12.531.909-2", "12.531.909-3"),
    _number("ar-tax-id", "TAX_ID", r"\b(?:20|23|24|27|30|33|34)-?\d{8}-?\d\b", checks.stdnum("ar.cuit"), ("cuit", "cuil", *_TAX), "stdnum.ar.cuit", "20-05536168-2"),
    _lettered("in-permanent-account", "TAX_ID", r"\b[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]\b", checks.stdnum("in_.pan"), 0.7, ("pan", "permanent account"), "stdnum.in_.pan", "ACUPA7085R", "ACUXA7085R"),
    _number("in-aadhaar", "NATIONAL_ID", r"\b[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}\b", checks.stdnum("in_.aadhaar"), ("aadhaar", "aadhar", "uidai", "uid", *_IDENTITY), "stdnum.in_.aadhaar", "2341 2341 2346"),
    _number("au-tax-file-number", "TAX_ID", r"\b\d{3} ?\d{3} ?\d{2,3}\b", checks.stdnum("au.tfn"), ("tfn", "tax file", *_TAX), "stdnum.au.tfn", "123 456 782"),
    _number("au-medicare", "HEALTH_ID", r"\b[2-6]\d{3} ?\d{5} ?\d\b", lambda hit: _au_medicare(hit), ("medicare", *_HEALTH), "Medicare number check digit", "2123 45670 1"),
    _number("se-personal-number", "NATIONAL_ID", r"\b(?:\d{2})?\d{6}[-+]?\d{4}\b", checks.stdnum("se.personnummer"), ("personnummer", *_IDENTITY), "stdnum.se.personnummer", "880320-0016"),
    _number("no-birth-number", "NATIONAL_ID", r"\b\d{6} ?\d{5}\b", checks.stdnum("no.fodselsnummer"), ("fødselsnummer", "fodselsnummer", "personnummer", *_IDENTITY), "stdnum.no.fodselsnummer", "151086 95088"),
    _number("dk-person-number", "NATIONAL_ID", r"\b\d{6}-?\d{4}\b", checks.stdnum("dk.cpr"), ("cpr", "cpr-nummer", "personnummer"), "stdnum.dk.cpr", "211062-5629"),
    _lettered("fi-identity-code", "NATIONAL_ID", r"\b\d{6}[-+ABCDEFUVWXY]\d{3}[0-9A-FHJ-NPR-Y]\b", checks.stdnum("fi.hetu"), 0.8, ("henkilötunnus", "hetu"), "stdnum.fi.hetu", "131052-308T", "131052-308U"),
    _lettered("ch-social-insurance", "NATIONAL_ID", r"\b756\.?\d{4}\.?\d{4}\.?\d{2}\b", checks.stdnum("ch.ssn"), 0.85, ("ahv", "avs", "ahv-nummer"), "stdnum.ch.ssn", "756.9217.0769.85", "756.9217.0769.84"),
    _number("at-social-insurance", "NATIONAL_ID", r"\b\d{4} ?\d{6}\b", checks.stdnum("at.vnr"), ("sozialversicherungsnummer", "svnr", "sv-nummer", "versicherungsnummer"), "stdnum.at.vnr", "1237 010180"),
    _number("tr-identity", "NATIONAL_ID", r"\b[1-9]\d{10}\b", checks.stdnum("tr.tckimlik"), ("kimlik", "tckn", "tc", *_IDENTITY), "stdnum.tr.tckimlik", "17291716060"),
    _number("za-identity", "NATIONAL_ID", r"\b\d{6} ?\d{4} ?\d{2} ?\d\b|\b\d{6} \d{4} \d{3}\b", checks.stdnum("za.idnr"), ("rsa id", "south african", *_IDENTITY), "stdnum.za.idnr", "7503305044089"),
    _number("il-identity", "NATIONAL_ID", r"\b\d{7,8}-?\d\b", checks.stdnum("il.idnr"), ("teudat zehut", "teudat", *_IDENTITY), "stdnum.il.idnr", "39337423"),
    _lettered("cn-resident-identity", "NATIONAL_ID", r"\b[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dX]\b", checks.stdnum("cn.ric"), 0.9, ("身份证", "resident identity"), "stdnum.cn.ric", "360426199101010071", "360426199101010072"),
    _lettered("kr-resident-number", "NATIONAL_ID", r"\b\d{2}[01]\d[0-3]\d-[1-8]\d{6}\b", _shape, 0.7, ("주민등록번호", "resident registration"), "Resident Registration Act", "971013-1019902", "971013-9019902"),
    _lettered("sg-identity", "NATIONAL_ID", r"\b[STFGM]\d{7}[A-Z]\b", lambda hit: _sg_nric(hit), 0.75, ("nric", "fin"), "Singapore NRIC checksum", "S1234567D", "S1234567A"),
    _lettered("ie-personal-service", "NATIONAL_ID", r"\b\d{7}[A-W][AHWTX]?\b", checks.stdnum("ie.pps"), 0.85, ("pps", "ppsn", "personal public service"), "stdnum.ie.pps", "6433435F", needs_context=True),
    _number("ro-personal-code", "NATIONAL_ID", r"\b[1-9]\d{12}\b", checks.stdnum("ro.cnp"), ("cnp", "cod numeric personal", *_IDENTITY), "stdnum.ro.cnp", "1630615123457"),
    _number("bg-citizen-number", "NATIONAL_ID", r"\b\d{10}\b", checks.stdnum("bg.egn"), ("egn", "егн", *_IDENTITY), "stdnum.bg.egn", "7523169263"),
    _number("cz-birth-number", "NATIONAL_ID", r"\b\d{6}/?\d{3,4}\b", checks.stdnum("cz.rc"), ("rodné číslo", "rodne cislo", "rč"), "stdnum.cz.rc", "710319/2745"),
    _number("hr-personal-number", "NATIONAL_ID", r"\b\d{11}\b", checks.stdnum("hr.oib"), ("oib", *_IDENTITY), "stdnum.hr.oib", "33392005961"),
    _number("gr-social-security", "NATIONAL_ID", r"\b\d{11}\b", checks.stdnum("gr.amka"), ("amka", "αμκα"), "stdnum.gr.amka", "01013099997"),
    _number("ee-personal-code", "NATIONAL_ID", r"\b[1-8]\d{10}\b", checks.stdnum("ee.ik", "lt.asmens"), ("isikukood", "asmens kodas", *_IDENTITY), "stdnum.ee.ik, stdnum.lt.asmens", "36805280109"),
    _number("us-provider-number", "HEALTH_ID", r"\b[12]\d{9}\b", lambda hit: checks.luhn("80840" + hit.value), ("npi", "provider"), "CMS national provider identifier", "1234567893"),
    _lettered("us-medicare-beneficiary", "HEALTH_ID", r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}\b", _shape, 0.75, ("medicare", "mbi"), "CMS MBI format", "1EG4-TE5-MK73"),
    Rule(
        id="medical-record-number", kind="HEALTH_ID", head=NUMBER_HEAD + "|" + LETTERED_HEAD, pattern=r"\b(?:[A-Z]{1,3}-?\d{5,10}|\d{6,10})\b", score=0.75, check=checks.alone,
        context=("mrn", "medical record", "medical record number", "patient id", "patient number", "patientennummer", "historia clínica", "nhc", "member id", "health insurance", "policy number", "numéro de patient"),
        needs_context=True, source="a number after a word for a patient's record", hits=("MRN: «00123456»", "Patient ID «A-123456»"), misses=("00123456",),
    ),
)  # fmt: skip


def _weighted(number: str, weights: tuple[int, ...]) -> int:
    return sum(int(char) * weight for char, weight in zip(number, weights, strict=False))


def _au_medicare(hit: Candidate) -> bool:
    number = checks.digits(hit.value)
    return _weighted(number, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(number[8])


def _es_social(hit: Candidate) -> bool:
    number = checks.digits(hit.value)
    return int(number[:10]) % 97 == int(number[10:]) or int(number[:2] + number[2:10].lstrip("0")) % 97 == int(number[10:])


def _pl_card(hit: Candidate) -> bool:
    values = [int(char, 36) for char in hit.value.replace(" ", "")]
    return sum(value * weight for value, weight in zip(values, (7, 3, 1, 9, 7, 3, 1, 7, 3), strict=True)) % 10 == 0


def _sg_nric(hit: Candidate) -> bool:
    value = hit.value
    total = _weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + (4 if value[0] in "TG" else 3 if value[0] == "M" else 0)
    table = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}[value[0]]
    place = total % 11
    return table[10 - place if value[0] == "M" else place] == value[8]
