"""What exiftool reads in a file that says something about a person, a device or a time."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

PERSONAL: Final = re.compile(
    r"(?i)author|artist|creator|copyright|owner|rights|credit|by-?line|contact|producer|software|encod(er|ed)(?!ing)|\btool|generator|application$"
    r"|serial|gps|geo(tag|location)|^location|city|country|province|date|^(create|modify|modification|creation)|comment|title|subject|keyword"
    r"|description|caption|headline|abstract|history|document_?id|instance_?id|uniqueid|originaldocument|thumbnail(image|tiff)|preview(image|tiff|pdf)"
    r"|^make$|^model|camera|lens|host|user(?!space)|filename$|path$|lastmodifiedby|lastsavedby|lastprinted|company|manager|template|revision|edit(ing)?time"
    r"|^person|regionname|album|performer|composer|publisher|lyric|genre|^label|note|annot.*author|contributor|identifier"
    r"|writingapp|muxingapp|handlervendor|vendor"
)
"""Names of tags, without their group, that identify or could."""
NOT_OURS: Final = frozenset(
    ("System", "ExifTool", "Composite", "ICC-header", "ICC-view", "ICC-meas", "ICC_Profile", "SourceFile")
)
"""Groups that speak of the file system, the tool or colour, not of who made the file; canaries in a profile are found as bytes."""
HARMLESS_NAMES: Final = re.compile(
    r"(?i)^(file.*|copyrightflag|zip(file|compress|bit|required).*|zipcrc|exif(version|toolversion|imagewidth|imageheight)|.*timescale"
    r"|modelviewer|encoding|encoding(process|settings)?"
    r"|textencoding|tagfontfamily|handlertype|handlerclass|.*version|lossless.*|userunit|createprocess|pathcount|notesmaster.*|notes"
    r"|hiddenslides|titlesofparts|headingpairs)$"
)
HARMLESS_VALUES: Final = re.compile(
    r"^(|0|0000:00:00 00:00:00|1904:01:01 00:00:00|1980:(01:01|00:00) 00:00:00|1970:01:01.*|1900:01:01.*|\[.*\]|und|-//-//-//EN)$"
)
"""Fixed values that a format needs and that say nothing."""
IN_THE_PAGE: Final = frozenset((".html", ".htm", ".xhtml", ".svg", ".epub"))
"""Files whose title is part of what is read, so that only its identifiers give way."""
CONTENT: Final = frozenset((".ics", ".json", ".jsonl", ".xml", ".csv", ".txt", ".md", ".fodt", ".fods", ".ipynb"))
"""Files in which exiftool calls any field a tag."""


def left(entry: dict[str, Any], suffix: str) -> dict[str, str]:
    """Return the tags of one file that identify, with their values."""
    if suffix in CONTENT:
        return {}
    found = {}
    for full, value in entry.items():
        group, _, name = full.rpartition(":")
        # The comment of a JPEG stands in the group of the file itself.
        if group in NOT_OURS or (group == "File" and name != "Comment") or HARMLESS_NAMES.match(name):
            continue
        if not PERSONAL.search(name) or HARMLESS_VALUES.match(str(value).strip()):
            continue
        if suffix in IN_THE_PAGE and name.lower() in ("title", "subject", "description", "desc"):
            continue
        found[full] = str(value)[:120]
    return found


def read(paths: list[Path]) -> dict[str, dict[str, Any]]:
    """Return what exiftool reads in each file."""
    if not paths:
        return {}
    names = "\n".join(str(path) for path in paths)
    done = subprocess.run(
        ["exiftool", "-j", "-G1", "-a", "-ee", "-@", "-"],
        input=names,
        text=True,
        capture_output=True,
        errors="replace",
        check=False,
    )
    return {entry["SourceFile"]: entry for entry in json.loads(done.stdout or "[]")}
