"""What the name of a column or field says of its values.

Invariants:

- Only names that say it plainly count: `first_name` and `ssn` do, `name`, `id` and `code` do not.
- Case, separators and camel case make no difference: `firstName`, `First Name` and `first-name` are one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_KINDS: Final[dict[str, str]] = {
    name: kind
    for kind, names in (
        ("PERSON", "firstname lastname fullname surname givenname familyname middlename maidenname nachname vorname nom prenom "
                   "nombre apellido apellidos cognome nazwisko imie sobrenome voornaam achternaam patientname customername "
                   "employeename authorname contactname username"),
        ("EMAIL_ADDRESS", "email emailaddress mail mailaddress emails"),
        ("PHONE_NUMBER", "phone phonenumber telephone mobile mobilenumber cellphone telefon telefono telephonenumber fax faxnumber"),
        ("US_SSN", "ssn socialsecuritynumber socialsecurity"),
        ("DATE_OF_BIRTH", "dob birthdate dateofbirth birthday geburtsdatum fechanacimiento datenaissance"),
        ("PASSWORD", "password passwd pwd passwort motdepasse contrasena"),
        ("IP_ADDRESS", "ip ipaddress ipaddr clientip remoteaddr"),
        ("CREDIT_CARD", "creditcard creditcardnumber cardnumber ccnumber pan"),
        ("IBAN_CODE", "iban ibancode"),
        ("PASSPORT", "passport passportnumber"),
        ("DRIVER_LICENSE", "driverlicense driverslicense drivinglicence licensenumber"),
        ("LOCATION", "street streetaddress address homeaddress addressline1 addressline2 strasse adresse direccion indirizzo"),
    )
    for name in names.split()
}  # fmt: skip


@lru_cache(maxsize=4096)
def kind_of_field(name: str) -> str | None:
    """Return the kind of every value of a column by its name, or None where the name does not say.

    >>> kind_of_field("firstName"), kind_of_field("E-Mail"), kind_of_field("name")
    ('PERSON', 'EMAIL_ADDRESS', None)
    """
    return _KINDS.get("".join(_WORDS.findall(name.rpartition(".")[2])).lower())
