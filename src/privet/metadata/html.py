"""HTML, of pages and of mails: texts and attributes are rewritten where they stand, comments and what names an author go.

Invariants:

- A token is read as HTML5 says, as far as it matters for where texts begin and end; whichever way a browser reads broken markup, every
  character of it is kept markup, text that was looked at, or gone.
- What is not edited or dropped is the same to the character. Memory does not grow with the page.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO, Final

from privet.metadata.embedded import data_url, in_text, is_data_url
from privet.metadata.html_words import (
    ADDRESSES,
    BLOCKS,
    CELLS,
    ELEMENTS,
    FLAGS,
    LINKS,
    META_HEADERS,
    META_NAMES,
    META_PROPERTIES,
    NAMESPACES,
    TEMPLATES,
    TOKENS,
)
from privet.metadata.job import Job
from privet.metadata.markup import ANGLED, UNQUOTED, Sheet, windows
from privet.metadata.passage import ENTITY, PERCENT, SCRIPT, SPACE, rewritten
from privet.metadata.style import rewritten_style
from privet.metadata.svg_words import ELEMENTS as SVG_ELEMENTS
from privet.metadata.text import chunks, declared_encoding, one_reading

_MAX_NESTED_PAGES: Final = 4
_HEAD_BYTES: Final = 2048
_CHARSET: Final = re.compile(
    rb"<(?:meta|\?xml)\b[^>]{0,500}?\b(?:charset|encoding)\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w:.-]{1,40})", re.IGNORECASE
)
_TAG: Final = re.compile(
    r"([^<]*+)(<(/?)([a-zA-Z][^\s/>]*+)((?>[^=>]++|=\s*+(?>\"[^\"]*\"|'[^']*'|[^\s>\"'][^\s>]*+|(?![\"'])))*+)>)"
)
_ATTRIBUTE: Final = re.compile(r"([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"'][^\s>]*+)))?")
_UNQUOTED_GROUP: Final = 4
_SPECIAL_NAMES: Final = frozenset(("style", "srcset", "srcdoc"))
_UNDONE: Final = re.compile(r"(?:<|&[#\w]*+)\Z")
_UNDONE_CHARS: Final = 40
_COMMENT_END: Final = re.compile(r"--!?>")
_DOCTYPE: Final = re.compile(
    r"<!doctype\s+html(?:\s+PUBLIC\s+\"-//(?:W3C|IETF)//DTD X?HTML[ \w.+/]{0,60}//EN\"(?:\s*\"https?://www\.w3\.org/[\w./-]{0,80}\")?)?\s*>",
    re.IGNORECASE,
)
_XML_START: Final = re.compile(
    r"<\?xml version=[\"']1\.[01][\"'](?: encoding=[\"'][\w.-]{1,40}[\"'])?(?: standalone=[\"'](?:yes|no)[\"'])?\s?\?>"
)
_SPECIAL: Final = re.compile(r"[^/]{0,40}(?:data|cid|file|&[^/]{0,40}:)", re.IGNORECASE)
_IN_TEXT: Final = (SPACE, ENTITY)
_IN_PRE: Final = (ENTITY,)
_RAW: Final = frozenset(("script", "style", "textarea", "title", "xmp", "xml", "metadata"))
_RAW_ENDS: Final = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}
_ELEMENTS: Final = ELEMENTS | {name.lower() for name in SVG_ELEMENTS}
# Elements of other vocabularies (`o:p`) and of components (`my-box`).
_OTHER_ELEMENT: Final = re.compile(r"[a-z][a-z0-9]{0,30}[:-][a-z][a-z0-9_-]{0,60}")
_NAME: Final = re.compile(r"@?[a-zA-Z_:][\w:.-]{0,60}")
_TOKEN: Final = re.compile(r"[a-z0-9_\-#% ]*+")
_LONG_NUMBER: Final = re.compile(r"[0-9]{5}")


def clean(source: BinaryIO, target: BinaryIO, job: Job) -> None:
    """Write a page with its identifiers replaced."""
    declared = _CHARSET.search(source.read(_HEAD_BYTES))
    source.seek(0)
    codec, mark = declared_encoding(source, declared[1].decode("ascii") if declared else "")
    target.write(mark)
    page = _Page(job, lambda text: _write(target, text, codec))
    windows(one_reading(chunks(source, codec, len(mark)), codec, job), page.step, job.limits.max_record_bytes)
    page.close()


def _write(target: BinaryIO, text: str, codec: str) -> None:
    target.write(text.encode(codec, "xmlcharrefreplace"))


def rewritten_page(markup: str, job: Job, *, cids: Mapping[str, str] | None = None, depth: int = 0) -> str:
    """Return HTML with its identifiers replaced. `cids` maps the content ids of a mail's parts, which its pictures have as addresses."""
    out = io.StringIO()
    page = _Page(job, lambda text: _append(out, text), cids=cids, depth=depth)
    windows(iter((markup,)), page.step, max(len(markup), 1))
    page.close()
    return out.getvalue()


def _append(out: io.StringIO, text: str) -> None:
    out.write(text)


class _Page:
    """A page as it is read: takes windows of source, gives pieces to the sheet."""

    def __init__(
        self, job: Job, write: Callable[[str], None], *, cids: Mapping[str, str] | None = None, depth: int = 0
    ) -> None:
        self._job = job
        self._sheet = Sheet(job, write)
        self._cids = cids
        self._depth = depth
        self._raw = ""  # the element whose content is not markup, while in it
        self._raw_type = ""
        self._pre = 0
        self._is_start = True

    def step(self, text: str, is_last: bool) -> int:
        """Take what is whole of the text and return how much that was."""
        at = 0
        while True:
            if self._raw:
                end = self._raw_end(text, at, is_last)
                if end < 0:
                    return at
                at = end
            found = _TAG.match(text, at)
            if found is not None:
                if found[1]:
                    self._text(found[1])
                self._tag(found)
                at = found.end()
                if self._sheet.is_full:
                    self._sheet.flush()
                continue
            end = self._rest(text, at, is_last)
            if end <= at:
                return -end
            at = end

    def _rest(self, text: str, at: int, is_last: bool) -> int:
        """Take what is no tag; return where it ends, or where the window ends first as a negative number."""
        start = text.find("<", at)
        if start < 0:
            if is_last and at < len(text):
                self._text(text[at:])
                return len(text)
            return -at
        if start > at:
            self._text(text[at:start])
        end = self._markup(text, start, is_last)
        return end if end > start else -start

    def close(self) -> None:
        """Write what is left."""
        self._sheet.flush()

    def _text(self, source: str) -> None:
        self._sheet.say(source, _IN_PRE if self._pre else _IN_TEXT)

    def _markup(self, text: str, at: int, is_last: bool) -> int:
        """Take the token that starts at `<`; return where it ends, or -1 where the window ends first."""
        after = text[at + 1 : at + 3]
        if len(after) < 2 and not is_last:
            return -1
        first, second = after[:1], after[1:]
        if first in ("!", "?") and after:
            return self._declaration(text, at, is_last)
        is_end = first == "/"
        letter = second if is_end else first
        if letter.isascii() and letter.isalpha():
            # A tag that never ends: browsers drop it. Here it stays as the text that it may have been meant to be.
            if not is_last:
                return -1
            self._text(in_text(text[at:], self._job).replace("<", "&lt;"))
            return len(text)
        if is_end:
            return self._declaration(text, at, is_last)
        self._sheet.say("<", ())
        return at + 1

    def _declaration(self, text: str, at: int, is_last: bool) -> int:
        if text.startswith("<!--", at):
            return self._comment(text, at, is_last)
        if text.startswith("<![CDATA[", at):
            end = text.find("]]>", at)
            if end < 0 and not is_last:
                return -1
            end = end if end >= 0 else len(text)
            self._sheet.keep(text[at : at + 9])
            self._sheet.say(text[at + 9 : end], ())
            self._sheet.keep(text[end : end + 3])
            return min(end + 3, len(text))
        end = text.find(">", at)
        if end < 0:
            if not is_last:
                return -1
            self._job.dropped("comment")
            return len(text)
        token = text[at : end + 1]
        if _DOCTYPE.fullmatch(token) or (self._is_start and _XML_START.fullmatch(token)):
            self._sheet.keep(token)
        elif token[:9].lower() == "<!doctype":
            self._sheet.keep("<!DOCTYPE html>")
            self._job.dropped("doctype")
        else:
            self._drop("comment", text, at)
        self._is_start = False
        return end + 1

    def _comment(self, text: str, at: int, is_last: bool) -> int:
        if text.startswith(("<!-->", "<!--->"), at):
            self._sheet.keep("<!---->")
            return text.index(">", at) + 1
        end = _COMMENT_END.search(text, at + 4)
        if end is None and not is_last:
            return -1
        if end is not None and end.start() == at + 4:
            # What `_drop` leaves.
            self._sheet.keep("<!---->")
        else:
            self._drop("comment", text, at)
        return end.end() if end is not None else len(text)

    def _drop(self, what: str, text: str, at: int) -> None:
        """Note that a token was dropped; what stands around it may not become a tag or a character reference."""
        self._job.dropped(what)
        if _UNDONE.search(text, max(0, at - _UNDONE_CHARS), at) is not None:
            self._sheet.keep("<!---->")

    def _tag(self, found: re.Match[str]) -> None:
        whole, is_end, name, rest = found[2], found[3], found[4].lower(), found[5]
        sheet = self._sheet
        self._is_start = False
        if name not in _ELEMENTS and _OTHER_ELEMENT.fullmatch(name) is None:
            # An address in angle brackets, as plain texts have them: browsers hide it, so it is not seen and not lost.
            sheet.value(in_text(whole, self._job), ANGLED)
            return
        if name in BLOCKS:
            sheet.gap("\n")
            if name in ("pre", "listing"):
                self._pre = max(0, self._pre + (-1 if is_end else 1))
        elif name in CELLS:
            sheet.gap("\t")
        if is_end:
            sheet.keep(whole if not rest or rest.isspace() else f"</{found[4]}>")
            return
        if name in _RAW and not rest.endswith("/"):
            self._raw = name
            self._raw_type = ""
            if name in ("xml", "metadata"):
                return
        if not rest or rest.isspace() or rest == "/":
            sheet.keep(whole)
        elif name in ("meta", "link") and not _is_kept(name, rest):
            self._drop(name, found.string, found.end(1))
        else:
            self._attributes(found, name)

    def _attributes(self, tag: re.Match[str], element: str) -> None:
        """Keep a tag with its attributes cleaned."""
        whole = tag[2]
        last = 0
        for found in _ATTRIBUTE.finditer(whole, tag.start(5) - tag.start(2), len(whole) - 1):
            kind = found.lastindex or 1
            name = found[1].lower()
            # A name without a value may be a word of a text in angle brackets.
            if (kind == 1 and name not in FLAGS) or (kind > 1 and _NAME.fullmatch(name) is None):
                last = self._name(whole, last, found)
            value = found[kind] if kind > 1 else ""
            if element == "script" and name == "type":
                self._raw_type = value.strip().lower()
            if (
                value
                and not (name in TOKENS and _is_token(value))
                and not (name[:5] == "xmlns" and value in NAMESPACES)
            ):
                last = self._value(whole, last, found, name)
        self._sheet.keep(whole[last:])

    def _value(self, whole: str, last: int, found: re.Match[str], name: str) -> int:
        """Keep an attribute with its value cleaned; return where it ends."""
        sheet, kind = self._sheet, found.lastindex or 2
        value, start, end = found[kind], found.start(kind), found.end(kind)
        if name in _SPECIAL_NAMES or (name in ADDRESSES and (self._cids or _SPECIAL.match(value) is not None)):
            shown = html.unescape(value)
            new = self._special(name, shown)
            if new is not None:
                quote = '"' if kind == _UNQUOTED_GROUP else ""
                sheet.keep(whole[last:end] if new == shown else whole[last:start] + quote + ENTITY.escape(new) + quote)
                return end
        sheet.keep(whole[last:start])
        outer = UNQUOTED if kind == _UNQUOTED_GROUP else ENTITY
        if name in ADDRESSES:
            sheet.value(value, outer, PERCENT)
        elif name.startswith("on") or "\\" in value:
            sheet.value(value, outer, SCRIPT)
        else:
            sheet.value(value, outer)
        return end

    def _name(self, whole: str, last: int, found: re.Match[str]) -> int:
        """Keep the name of an attribute as the text that it may be; return where it ends."""
        self._sheet.keep(whole[last : found.start()])
        self._sheet.value(found[1], ENTITY)
        return found.end(1)

    def _special(self, name: str, value: str) -> str | None:
        """Return the new value of an attribute that is more than a text, or None where it is just that."""
        if name == "style":
            return rewritten_style(value, self._job)
        if name == "srcdoc":
            return self._nested(value)
        if name == "srcset":
            new = in_text(value, self._job)
            return None if new == value else new
        return data_url(value, self._job) if is_data_url(value) else self._address(value)

    def _address(self, value: str) -> str | None:
        start = value[:16].lstrip().lower()
        if self._cids is not None and start.startswith("cid:"):
            return f"cid:{self._cids.get(value.strip()[4:], 'gone')}"
        if self._cids and value in self._cids:
            return f"cid:{self._cids[value]}"
        if start.startswith("file:"):
            self._job.dropped("local path")
            return ""
        return None

    def _nested(self, markup: str) -> str:
        if self._depth >= _MAX_NESTED_PAGES:
            self._job.dropped("nested page")
            return ""
        return rewritten_page(markup, self._job, cids=self._cids, depth=self._depth + 1)

    def _raw_end(self, text: str, at: int, is_last: bool) -> int:
        """Take the content of an element that holds no markup; return where its end tag starts, or -1."""
        name = self._raw
        found = _RAW_ENDS[name].search(text, at)
        if found is None and not is_last:
            return -1
        end = found.start() if found is not None else len(text)
        content = text[at:end]
        sheet = self._sheet
        self._raw = ""
        if name in ("xml", "metadata"):
            self._job.dropped("metadata")
            close = text.find(">", end)
            return close + 1 if close >= 0 else len(text)
        if name in ("title", "textarea", "xmp"):
            sheet.gap("\n")
            sheet.say(content, () if name == "xmp" else _IN_PRE)
            sheet.gap("\n")
        elif name == "style":
            sheet.keep(rewritten_style(content, self._job))
        elif self._raw_type in TEMPLATES:
            sheet.keep(self._nested(content))
        elif content and not content.isspace():
            sheet.keep(rewritten([in_text(content, self._job)], self._job, "script", SCRIPT)[0])
        return end


def _is_token(value: str) -> bool:
    return _TOKEN.fullmatch(value) is not None and _LONG_NUMBER.search(value) is None


def _is_kept(name: str, attributes: str) -> bool:
    """Tell whether a meta or link element says something about the page and not about who made it."""
    values: dict[str, str] = {}
    for found in _ATTRIBUTE.finditer(attributes):
        kind = found.lastindex or 1
        values.setdefault(found[1].lower(), html.unescape(found[kind]).strip().lower() if kind > 1 else "")
    if name == "link":
        return _are_all(values.get("rel", "").split(), LINKS)
    return (
        "charset" in values
        or values.get("name", "") in META_NAMES
        or values.get("property", "") in META_PROPERTIES
        or values.get("http-equiv", "") in META_HEADERS
    )


def _are_all(words: Iterable[str], known: frozenset[str]) -> bool:
    found = list(words)
    return bool(found) and all(word in known for word in found)
