"""What the values of a transformed column are, where neither the policy nor the name of the column says it outright."""

from __future__ import annotations

from typing import Final

from privet.detect.field_words import ORDINARY
from privet.detect.fields import hints_of_field, spoken
from privet.policy import Transform

_DEFAULT_KIND: Final = "ID_NUMBER"
_AGE: Final = frozenset(("age", "ages", "alter", "edad", "edades", "idade", "âge", "età", "eta", "leeftijd", "wiek"))
"""Words for an age in names of columns."""


def kind_of_numbers(how: Transform) -> str:
    """Return the kind of values with digits in a column whose name does not say it, by what becomes of them.

    >>> kind_of_numbers(Transform("shift", column="visit")), kind_of_numbers(Transform("generalise", column="age", step=10))
    ('DATE_TIME', 'AGE')
    """
    if how.how == "shift" or how.to:
        return "DATE_TIME"
    if not _AGE.isdisjoint(spoken(how.column).split()):
        return "AGE"
    return "QUANTITY" if how.step else _DEFAULT_KIND


def kind_of_words(column: str) -> str:
    """Return the kind of words in a column that may hold something else too: {"name": …} is somebody's, as far as it says.

    >>> kind_of_words("name"), kind_of_words("customer"), kind_of_words("subject")
    ('PERSON', 'PERSON', 'ID_NUMBER')
    """
    hints = hints_of_field(column) - {ORDINARY}
    return "PERSON" if "PERSON" in hints else min(hints, default=_DEFAULT_KIND)
