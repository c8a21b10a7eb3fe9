"""Office files of other formats: an installed LibreOffice makes one of today of them, which is then cleaned; drawings become PDF.

Invariants:

- LibreOffice runs in a profile of its own, which is deleted afterwards, without macros, without a network where the system allows it to
  be cut off, for a bounded time, and is ended with all that it started.
- Nothing of what it writes is kept but the one file, and that only after it was cleaned.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from privet.metadata import ooxml
from privet.metadata.converter import run
from privet.metadata.job import CannotClean, Job

_WORD, _SHEET, _SLIDES, _DRAWING = "docx", "xlsx", "pptx", "pdf"
CONVERTED: Final = {
    "doc": _WORD, "dot": _WORD, "rtf": _WORD, "wps": _WORD, "wpd": _WORD, "wri": _WORD, "sxw": _WORD, "stw": _WORD, "abw": _WORD,
    "lwp": _WORD, "hwp": _WORD, "pages": _WORD, "uot": _WORD, "wordml": _WORD,
    "xls": _SHEET, "xlt": _SHEET, "xla": _SHEET, "xlsb": _SHEET, "sxc": _SHEET, "stc": _SHEET, "wks": _SHEET, "wk1": _SHEET, "123": _SHEET,
    "dif": _SHEET, "slk": _SHEET, "numbers": _SHEET, "uos": _SHEET, "xlr": _SHEET,
    "ppt": _SLIDES, "pps": _SLIDES, "pot": _SLIDES, "sxi": _SLIDES, "sti": _SLIDES, "key": _SLIDES, "uop": _SLIDES,
    "sdw": _WORD, "sdc": _SHEET, "sda": _SLIDES,
    "vsd": _DRAWING, "vsdx": _DRAWING, "pub": _DRAWING, "sxd": _DRAWING,
}  # fmt: skip
TIMEOUT_SECONDS: Final = 120
MORE_SECONDS: Final = 5
"""For each file more that is converted by the same start."""
_MAX_BYTES: Final = 256 << 20
_SETTINGS: Final = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>2</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetProxyType" oor:op="fuse"><value>2</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetHTTPProxyName" oor:op="fuse"><value>127.0.0.1</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetHTTPProxyPort" oor:op="fuse"><value>9</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetHTTPSProxyName" oor:op="fuse"><value>127.0.0.1</value></prop></item>
<item oor:path="/org.openoffice.Inet/Settings"><prop oor:name="ooInetHTTPSProxyPort" oor:op="fuse"><value>9</value></prop></item>
</oor:items>
"""  # noqa: E501 (LibreOffice's own form, one setting a line)


def converted_suffix(kind: str) -> str:
    """Return the suffix of what `clean` makes of a format.

    >>> converted_suffix("doc")
    '.docx'
    """
    return "." + CONVERTED[kind]


def clean(source: BinaryIO, target: BinaryIO, job: Job, kind: str = "doc") -> None:
    """Write a DOCX, XLSX, PPTX or PDF with the content of a file of another format, which is called as its usual suffix.

    Raises:
        CannotClean: no LibreOffice is installed, or it cannot read the file, or takes too long.

    """
    if job.converted is not None:
        _clean_converted(job.converted, target, job)
        return
    if source.seek(0, 2) > min(_MAX_BYTES, job.limits.max_file_bytes):
        _program()
        raise CannotClean("too large to be converted: split the file")
    with tempfile.TemporaryDirectory(prefix="privet-", ignore_cleanup_errors=True) as folder:
        (made,) = converted(Path(folder), [source], [kind])
        if made is None:
            raise CannotClean("LibreOffice cannot read it: damaged, encrypted or of another format")
        _clean_converted(made, target, job)


def _clean_converted(made: Path, target: BinaryIO, job: Job) -> None:
    job.dropped("older format")
    with made.open("rb") as file:
        if made.suffix == f".{_DRAWING}":
            from privet.metadata import pdf

            pdf.clean(file, target, job)
        else:
            ooxml.clean(file, target, job)


def converted(here: Path, sources: Sequence[BinaryIO], kinds: Sequence[str]) -> list[Path | None]:
    """Return what one start of LibreOffice makes of files, in an empty folder; None for each that it cannot read.

    All kinds become the same format. A file is called by its content while it is converted: a document may hold its own name.

    Raises:
        CannotClean: no LibreOffice is installed, or it takes too long.

    """
    program = _program()
    (wanted,) = {CONVERTED[kind] for kind in kinds}
    given: list[Path] = []
    (here / "in").mkdir()
    for source, kind in zip(sources, kinds, strict=True):
        source.seek(0)
        name = hashlib.file_digest(source, "sha256").hexdigest()[:_NAME_CHARS].translate(_LETTERS)  # type: ignore[arg-type]
        given.append(here / "in" / f"{name}.{kind}")
        source.seek(0)
        with given[-1].open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
    _convert(program, here, list(dict.fromkeys(given)), wanted)
    made = [here / "out" / f"{path.stem}.{wanted}" for path in given]
    return [path if path.is_file() else None for path in made]


_NAME_CHARS: Final = 16
_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
"""Letters alone: a number might be taken for somebody's."""


def _program() -> str:
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        raise CannotClean("needs LibreOffice: install it or convert the file")
    return program


def _convert(program: str, here: Path, given: Sequence[Path], wanted: str) -> None:
    profile = here / "profile" / "user"
    profile.mkdir(parents=True)
    (profile / "registrymodifications.xcu").write_text(_SETTINGS, encoding="utf-8")
    command = [
        program, f"-env:UserInstallation={profile.parent.as_uri()}", "--headless", "--invisible", "--nologo", "--norestore",
        "--nolockcheck", "--nodefault", "--convert-to", wanted, "--outdir", str(here / "out"), *map(str, given),
    ]  # fmt: skip
    run(command, here, TIMEOUT_SECONDS + MORE_SECONDS * (len(given) - 1), "LibreOffice")
