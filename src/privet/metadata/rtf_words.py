"""The words of RTF: which destinations are content, which words say who changed what and when.

Invariants:

- A destination that readers may skip, and that does not stand here, is left out.
"""

from __future__ import annotations

import re
from typing import Final

TOKEN: Final = re.compile(
    rb"(?P<open>\{)|(?P<close>\})|\\(?P<word>[A-Za-z]{1,32})(?P<value>-?[0-9]{1,10})? ?|\\'(?P<hex>[0-9A-Fa-f]{2})"
    rb"|\\(?P<symbol>[^A-Za-z0-9'])|(?P<text>[^\\{}\r\n]+)|(?P<line>[\r\n]+)"
)
# Destinations after `\*` that are content; the others are properties, ids, histories or copies for other programs.
KEPT: Final = frozenset((
    "shppict", "shpinst", "fldinst", "listtable", "listoverridetable", "pn", "pnseclvl", "bkmkstart", "bkmkend", "cs", "ts", "ds", "do",
    "nesttableprops", "ud", "ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "defchp", "defpap", "background",
))  # fmt: skip
DROPPED: Final = frozenset((
    "info", "nonshppict", "objdata", "objclass", "objname", "template", "comment", "tc", "tcn", "xe", "rxe", "annotation", "atnid",
    "atnauthor", "filetbl", "revtbl", "rsidtbl", "userprops", "docvar", "private", "xmlnstbl", "mailmerge", "title", "subject", "author",
    "operator", "company", "manager", "generator", "nextfile", "objalias", "objsect", "password", "latentstyles", "themedata", "datastore",
))  # fmt: skip
# Destinations whose text is a text of its own.
APART: Final = frozenset((
    "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "footnote", "shptxt", "fldinst", "sv", "sn",
    "bkmkstart", "bkmkend", "stylesheet", "listtext", "pntext", "pntxta", "pntxtb", "listname", "leveltext", "levelnumbers", "fonttbl",
    "colortbl", "listtable", "listoverridetable", "dptxbxtext",
))  # fmt: skip
ENDS: Final = frozenset(("par", "cell", "row", "nestcell", "nestrow", "sect", "page", "column"))
HISTORY: Final = re.compile(
    r"(ins|char|para|sect|tbl|sty|del)?rsid(root)?|revised|revauth(del)?|revdttm(del)?|crauth|crdate|deleted|bliptag|blipupi|v|revprop|revprot"
)
MARKS: Final = {
    "tab": "\t", "line": "\n", "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "emspace": " ", "enspace": " ",
}  # fmt: skip
SYMBOLS: Final = {"~": "\xa0", "_": "-", "\\": "\\", "{": "{", "}": "}"}
PICTURES: Final = {"pngblip": "png", "jpegblip": "jpg", "emfblip": "emf", "wmetafile": "wmf"}
OWN_FIELD: Final = re.compile(
    r"\s*(AUTHOR|LASTSAVEDBY|USERNAME|USERINITIALS|USERADDRESS|FILENAME|TEMPLATE|COMMENTS|KEYWORDS|INCLUDETEXT|INCLUDEPICTURE|LINK|DDE|DDEAUTO"
    r"|DATABASE|INFO|EDITTIME|CREATEDATE|SAVEDATE|PRINTDATE)\b",
    re.IGNORECASE,
)
CHARSETS: Final = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 134: "cp936", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255",
    178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
