"""The columns of tables and the fields of records: kept or dropped, transformed, cleaned; rows noted for duplicates and groups.

Invariants:

- A column that the policy does not declare is dropped, and counted.
- A transform of a column works on the whole value, whatever it holds. Everything else is looked at: text, the texts, keys and numbers in
  nested values, bytes as a file of their own, dates as dates.
- What cannot be looked at becomes null: it never passes.
- A value in which nothing was found is the very same object.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from operator import is_
from typing import Any, Final

from privet.dates import DateShift
from privet.detect.field_words import ORDINARY
from privet.detect.fields import hints_of_field, kind_of_field
from privet.ingest.column_kinds import kind_of_numbers, kind_of_words
from privet.ingest.generalise import generalised
from privet.ingest.marks import Marks
from privet.ingest.record_file import MISSING
from privet.ingest.texts import Texts, Whose, way
from privet.metadata.job import Limits, Member
from privet.policy import EVERYTHING, Policy, Transform
from privet.records import Span
from privet.surrogates import label

_FROM_DIGITS: Final = 10**5
_MAX_WHOLE: Final = 10**24
_NAMELESS: Final = "(no name)"
_DIGIT: Final = re.compile(r"\d")
_MAX_ONE_CHARS: Final = 200
_ONE_SPACES: Final = 3
"""So many spaces stand in no address and no handle, but in a text that a column of them may hold instead."""
_LONG_KINDS: Final = frozenset(("API_KEY", "JWT", "PRIVATE_KEY", "PASSWORD", "CONNECTION_STRING", "URL", "ID_NUMBER"))


class Columns:
    """Cleans the columns of one table after another, and notes its rows. Implements `record_file.Records`.

    `nested` cleans bytes as a file. `marks` holds what is noted of the rows; with `keeps_all` none is a copy.
    """

    def __init__(
        self,
        policy: Policy,
        texts: Texts,
        *,
        key: bytes | None,
        nested: Callable[[str, bytes], Member | None],
        limits: Limits,
        keeps_all: bool = False,
    ) -> None:
        self._scrub = policy.scrub
        self._kinds = policy.detect.kinds
        self._grouping = policy.scrub.quasi_identifiers | policy.scrub.sensitive
        self._transforms = {item.column: item for item in policy.scrub.transform if item.column}
        self._texts = texts
        self._key = key
        self._nested = nested
        self.limits = limits
        self.marks = Marks(policy.scrub, keeps_all=keeps_all)
        self.dropped: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._declared = declared_columns(policy)
        self.seen: set[str] = set()
        """which of the columns that the policy names there were"""

    def clean(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Return the columns that are kept, cleaned. See `record_file.Records`."""
        out: dict[str, list[Any]] = {}
        self.seen |= self._declared & batch.keys()
        whose = self._whose(batch)
        for name, values in batch.items():
            how = self._transforms.get(name)
            shown = self.kept_name(name)
            if shown is None:
                self.dropped[self.name(name) or _NAMELESS] += sum(value is not MISSING for value in values)
                continue
            place = shown or _NAMELESS
            new = self._by_transform(name, place, values, self._subjects(batch, how, len(values)))
            out[_free(shown, out)] = self._values(name, place, values, whose) if new is None else new
        return out

    def add(self, batch: dict[str, list[Any]], identities: Sequence[bytes] | None = None) -> None:
        """Note cleaned rows. See `record_file.Records`."""
        self.marks.add(batch, identities)

    def _key_name(self, key: str) -> str:
        """Return a key inside a value without identifiers: {"Jane Doe": 3} counts something of a person."""
        known = self._keys.get(key)
        if known is None:
            name = self.name(key)
            known = self._keys[key] = self._texts.people([name], "keys")[0] if " " in name else name
        return known

    def name(self, column: str) -> str:
        """Return the name of a column without identifiers."""
        known = self._names.get(column)
        if known is None:
            known = self._names[column] = self._texts.patterns([column], "column names")[0]
        return known

    def kept_name(self, column: str) -> str | None:
        """Return the name of a column without identifiers, or None where the column is dropped."""
        how = self._transforms.get(column)
        return None if not self._is_kept(column) or (how is not None and how.how == "drop") else self.name(column)

    def _is_kept(self, column: str) -> bool:
        return EVERYTHING in self._scrub.columns or column in self._scrub.columns

    def _subjects(self, batch: dict[str, list[Any]], how: Transform | None, rows: int) -> list[str]:
        return _as_text(batch.get(how.subject) if how is not None and how.subject else None, rows)

    def _whose(self, batch: dict[str, list[Any]]) -> Whose:
        """Return whose each row is, by the columns that transforms of kinds name; None where none does."""
        columns = self._texts.subject_columns
        if not columns:
            return None
        rows = len(next(iter(batch.values()), ()))
        return list(zip(*(_as_text(batch.get(column), rows) for column in columns), strict=True))

    def _by_transform(self, path: str, place: str, values: list[Any], subjects: list[str]) -> list[Any] | None:
        """Return what the transform of a column or of a field inside it makes of its values, or None where there is none."""
        how = self._transforms.get(path)
        if how is None:
            return None
        self.seen.add(path)
        return [MISSING] * len(values) if how.how == "drop" else self._transformed(how, place, values, subjects)

    def _transformed(self, how: Transform, place: str, values: list[Any], subjects: list[str]) -> list[Any]:
        kind = how.kind or kind_of_field(how.column)
        words = kind or kind_of_words(how.column)
        done = Counter[str]()
        out: list[Any] = []
        for value, subject in zip(values, subjects, strict=True):
            if value is None or value is MISSING or value == "":
                out.append(value)
                continue
            # The owner of a thing is called by a name or a number; a column that is told by its name alone holds both.
            own = words if isinstance(value, str) and not _DIGIT.search(value) else kind or kind_of_numbers(how)
            done[own] += 1
            out.append(self._one(how, own, value, subject))
        for own, count in done.items():
            self._texts.count(place, own, count)
        return out

    def _one(self, how: Transform, kind: str, value: Any, subject: str) -> Any:
        if how.how == "remove":
            return None
        text = value if isinstance(value, str) else str(value)
        span = Span(0, len(text), kind, 1.0, "column")
        if how.how == "generalise":
            coarse = generalised(value, how)
            return label(span, text) if coarse is None and isinstance(value, str) else coarse
        if how.how == "shift" and self._key is not None:
            shift = DateShift(self._key, subject)
            if isinstance(value, date):
                return shift.day_moved(value)
            return shift.plainly_moved(text) or label(span, text)
        return way(how, self._key, subject).surrogate(span, text)

    def _values(self, name: str, place: str, values: list[Any], whose: Whose = None) -> list[Any]:
        """Return the values of a column that nothing is said about. `whose` has a subject for each."""
        kind = kind_of_field(name)
        # A column that groups are formed by must keep its values, as far as they hold no identifier.
        if kind is not None and kind in self._kinds and name not in self._grouping:
            return self._field(kind, name, place, values, whose)
        kinds = set(map(type, values))
        if kinds in ({str}, {float}):
            return self._of_shape(kinds.pop(), values, name, place, whose)
        out = list(values)
        at: dict[type, list[int]] = {}
        for index, value in enumerate(values):
            if value is not None and value is not MISSING and type(value) is not bool:
                at.setdefault(_shape(value), []).append(index)
        # All of one shape together: the detector is faster with many short texts than with one after the other.
        for shape, places in at.items():
            held = [values[index] for index in places]
            theirs = whose and [whose[index] for index in places]
            for index, value in zip(places, self._of_shape(shape, held, name, place, theirs), strict=True):
                out[index] = value
        return out

    def _of_shape(self, shape: type, held: list[Any], name: str, place: str, whose: Whose) -> list[Any]:
        if shape is str:
            return self._texts.cells(held, name, place, whose)
        if shape is dict:
            return self._objects(held, name, place, whose)
        if shape is list:
            return self._lists(held, name, place, whose)
        if shape is float:
            return [value if -_FROM_DIGITS < value < _FROM_DIGITS else self._number(value, place) for value in held]
        return [self._other(value, place) for value in held]

    def _field(self, kind: str, name: str, place: str, values: list[Any], whose: Whose) -> list[Any]:
        """Return a column whose name says that every value is an identifier: labels for texts, null for the rest.

        A text that is too long for one identifier, or is none by its looks, is looked at as any other.
        """
        out = list(values)
        at: dict[bool, list[int]] = {}
        for index, value in enumerate(values):
            if isinstance(value, str):
                at.setdefault(_is_one(kind, value), []).append(index)
            elif isinstance(value, (list, tuple, dict)):
                out[index] = self._field_inside(kind, name, place, value, whose and [whose[index]])
            elif value is not None and value is not MISSING and not _says_nothing(kind, value):
                self._texts.count(place, kind)
                out[index] = None
        for is_one, places in at.items():
            held = [values[index] for index in places]
            theirs = whose and [whose[index] for index in places]
            texts = self._texts
            new = texts.whole(held, kind, place, theirs) if is_one else texts.cells(held, name, place, theirs)
            for index, text in zip(places, new, strict=True):
                out[index] = text
        return out

    def _field_inside(self, kind: str, name: str, place: str, value: Any, whose: Whose) -> Any:
        """Return a nested value of a column whose name says what it holds: {"name": {"given": …}}, "emails": […].

        Inside an object a field may say something else: {"phone": {"number": …, "type": "home"}}.
        """
        if not isinstance(value, dict):
            items = self._field(kind, name, place, list(value), whose and [whose[0]] * len(value))
            return value if all(map(is_, items, value)) else items
        new = {
            key: self._inner_field(
                kind, f"{name}.{key}", f"{place}.{self._key_name(str(key)) or _NAMELESS}", [inner], whose
            )[0]
            for key, inner in value.items()
        }
        return self._renamed(value, new)

    def _inner_field(self, kind: str, path: str, place: str, values: list[Any], whose: Whose) -> list[Any]:
        new = self._by_transform(path, place, values, [""] * len(values))
        if new is not None:
            return new
        own = kind_of_field(path)
        if own is None and hints_of_field(path) == {ORDINARY}:
            return self._values(path, place, values, whose)
        return self._field(own if own in self._kinds and own is not None else kind, path, place, values, whose)

    def _lists(self, values: list[list[Any]], name: str, place: str, whose: Whose) -> list[Any]:
        theirs = whose and [one for value, one in zip(values, whose, strict=True) for _ in value]
        flat = self._values(name, place, [inner for value in values for inner in value], theirs)
        out: list[Any] = []
        start = 0
        for value in values:
            new = flat[start : start + len(value)]
            start += len(value)
            out.append(value if all(map(is_, new, value)) else new)
        return out

    def _objects(self, values: list[dict[Any, Any]], name: str, place: str, whose: Whose) -> list[Any]:
        out: list[dict[Any, Any]] = [{} for _ in values]
        for key in dict.fromkeys(key for value in values for key in value):
            at = [index for index, value in enumerate(values) if key in value]
            held = [values[index][key] for index in at]
            path, inside = f"{name}.{key}", f"{place}.{self._key_name(str(key)) or _NAMELESS}"
            new = self._by_transform(path, inside, held, [""] * len(held))
            if new is None:
                new = self._values(path, inside, held, whose and [whose[index] for index in at])
            for index, after in zip(at, new, strict=True):
                out[index][key] = after
        return [self._renamed(value, new) for value, new in zip(values, out, strict=True)]

    def _renamed(self, value: dict[Any, Any], new: dict[Any, Any]) -> dict[Any, Any]:
        """Return a cleaned object with cleaned keys, in the order of the raw one; the raw one where it is the same."""
        named: dict[str, Any] = {}
        for key in value:
            if new[key] is not MISSING:
                named[_free(self._key_name(str(key)), named)] = new[key]
        return value if list(named) == list(value) and all(map(is_, named.values(), value.values())) else named

    def _other(self, value: Any, place: str) -> Any:
        if isinstance(value, (int, float, Decimal)):
            return self._number(value, place)
        if isinstance(value, (bytes, bytearray, memoryview)):
            member = self._nested("", bytes(value))
            if member is None:
                self._texts.count(place, "bytes that cannot be read")
                return None
            return value if member.content == value else member.content
        if isinstance(value, date):
            if "DATE_TIME" not in self._kinds:
                return value
            self._texts.count(place, "DATE_TIME")
            return None
        return value if isinstance(value, (time, timedelta)) else None

    def _number(self, value: Any, place: str) -> Any:
        """Return a number, or None where it is an identifier: a card, a phone, an account. Only whole numbers of some length can be."""
        if not _FROM_DIGITS <= abs(value) < _MAX_WHOLE or value != value // 1:
            return value
        text = str(int(value))
        return value if self._texts.patterns([text], place)[0] == text else None

    def taken(self) -> Iterator[tuple[str, int]]:
        """Yield the columns that were dropped, with how many values each held, and begin anew."""
        yield from sorted(self.dropped.items())
        self.dropped = Counter()


def _as_text(values: list[Any] | None, rows: int) -> list[str]:
    """Return the values of a column that names subjects as texts; no value, or no such column, is nobody."""
    if values is None:
        return [""] * rows
    return ["" if value is None or value is MISSING else str(value) for value in values]


def _is_one(kind: str, text: str) -> bool:
    """Tell whether a text may be one identifier of a kind: a column named e-mail may hold letters."""
    if kind in _LONG_KINDS:
        return True
    if kind == "EMAIL_ADDRESS" and "@" not in text and text.count(" ") >= _ONE_SPACES:
        return False
    if kind == "SOCIAL_HANDLE" and text.count(" ") >= _ONE_SPACES:
        return False
    return len(text) <= _MAX_ONE_CHARS


def _says_nothing(kind: str, value: Any) -> bool:
    """Tell whether a value that is no text is no identifier of a kind: a flag, or a whole number as a coordinate."""
    return isinstance(value, bool) or (kind == "GPS_COORDINATES" and isinstance(value, int))


def declared_columns(policy: Policy) -> frozenset[str]:
    """Return the columns that a policy names."""
    scrub = policy.scrub
    transformed = {name for item in scrub.transform for name in (item.column, item.subject) if name}
    return (scrub.columns | scrub.quasi_identifiers | scrub.sensitive | transformed) - {EVERYTHING}


def _shape(value: Any) -> type:
    """Return str, list or dict for what is looked at together, else object."""
    if isinstance(value, str):
        return str
    if isinstance(value, dict):
        return dict
    return list if isinstance(value, (list, tuple)) else object


def _free(name: str, taken: dict[str, Any]) -> str:
    """Return a name that is not taken yet: two columns may have the same name once their identifiers are gone."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
