"""FictionBook e-books: the text and the pictures of a book, without who wrote, translated, scanned and published it.

Invariants: as for XML (`privet.metadata.xml`), whose cleaner reads them; what the description says of people, programs and shops goes.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from privet.metadata import xml
from privet.metadata.embedded import base64_text
from privet.metadata.job import Job
from privet.metadata.markup import windows
from privet.metadata.text import chunks, one_reading

_PEOPLE: Final = frozenset(
    "author translator keywords sequence src-title-info document-info publish-info custom-info output".split()  # noqa: SIM905
)


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a book with its identifiers replaced.

    Raises:
        CannotClean: it is not well-formed, or declares entities that are more than a short text.

    """
    codec, mark = xml.encoding(source)
    entities = xml.checked(chunks(source, codec, len(mark)))
    target.write(mark)
    book = _Book(job, lambda text: xml.write(target, text, codec), entities)
    windows(one_reading(chunks(source, codec, len(mark)), codec, job), book.step, job.limits.max_record_bytes)
    book.close()


class _Book(xml.Document):
    """A book as it is read; the description is what stands before the body."""

    _is_body = False
    _is_file = False

    def text(self, source: str, codings: tuple[object, ...]) -> None:
        if not self._is_file:
            super().text(source, codings)
        elif (new := base64_text(source, self.job)) is not None:
            self.sheet.keep(new)
        else:
            self.job.leave_out("embedded", "its encoding is broken, or its format is not known")

    def dropped(self, name: str, whole: str) -> str:
        local = name.rpartition(":")[2]
        self._is_body = self._is_body or local == "body"
        self._is_file = local == "binary"
        if not self._is_body and local in _PEOPLE:
            return "author" if local in ("author", "translator") else "document properties"
        return super().dropped(name, whole)
