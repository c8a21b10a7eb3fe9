"""Shell command lines → words with their places: what scripts, Dockerfiles, CI steps and systemd units start.

The grammar is POSIX's (XCU 2.2, 2.3, 2.10) as far as it decides what a word is: quotes, escapes, continued lines, comments, operators,
here-documents. Nothing is expanded: a word that depends on a variable or a command has the value None, unless the variable was
assigned a plain word before, or the word has a default, `${HOST:-0.0.0.0}`.

Invariants: linear time; never raises, an unclosed quote ends with the text; `start` and `end` are offsets in the text that was given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from privet.check.pattern import regex


class Word(NamedTuple):
    """A word as the program gets it; None where it is known only at run time."""

    value: str | None
    start: int
    end: int
    partly: str = ""
    """Of one that is known in part only, what is known, with a zero for the rest."""


class Command(NamedTuple):
    """A simple command: the assignments before it, its words, whether its failure is ignored (`|| true`), or lost in a pipe."""

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, Word], ...]
    ignored: bool = False
    piped: bool = False
    """What it writes goes to another: without `pipefail`, that one's result counts."""
    exports: tuple[str, ...] = ()
    """The variables that programs get from here on, of a command that has no words."""

    def texts(self) -> list[str]:
        """Return the words' values, "" for what is unknown."""
        return [word.value or "" for word in self.words]


_OPERATORS: Final = regex(r"\n|&&|\|\||;;|\|&|[;&|()]")
_REDIRECT: Final = regex(r"(\d*)(<<-?|<<<|>>|>\||<>|<&|>&|&>>|&>|<|>)")
_BLANK: Final = regex(r"(?:[ \t\r]|\\\r?\n)+")
_COMMENT: Final = regex(r"#[^\n]*")
_PLAIN: Final = regex(r"[^\s\\'\"`$;&|()<>]+")
_QUOTED: Final = regex(r'[^"\\$`]+')
_NESTING: Final = regex(r"[\\(){}'\"]")
_NAME: Final = regex(r"[A-Za-z_]\w*\Z", re.ASCII)
_VARIABLE: Final = regex(
    r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?:(?P<how>:?[-=+?])(?P<word>[^{}$`\"']*))?\})", re.ASCII
)
_RESERVED: Final = frozenset(
    ("if", "then", "else", "elif", "fi", "do", "done", "while", "until", "for", "case", "esac", "{", "}", "!", "time", "exec", "nohup",
     "command", "builtin")
)  # fmt: skip
_DECLARES: Final = frozenset(("export", "declare", "typeset", "readonly", "local"))


def split(text: str, offset: int = 0) -> list[Command]:
    """Return the simple commands of a script, in order; `offset` is added to every place."""
    return _Lexer(text, offset).commands()


class _Lexer:
    """One pass over a text. Assignments that stand alone are remembered, so that a later `$NAME` is known."""

    def __init__(self, text: str, offset: int) -> None:
        self._text = text
        self._offset = offset
        self._at = 0
        self._known: dict[str, str | None] = {}
        self._heredocs: list[str] = []

    def commands(self) -> list[Command]:
        found: list[Command] = []
        words: list[Word] = []
        while self._at < len(self._text):
            blank = _BLANK.match(self._text, self._at) or (
                _COMMENT.match(self._text, self._at)
                if self._at == 0 or self._text[self._at - 1] in " \t\r\n;&|()"
                else None
            )
            if blank:
                self._at = blank.end()
                continue
            operator = _OPERATORS.match(self._text, self._at)
            if operator and not _REDIRECT.match(self._text, self._at):
                self._end(words, found, operator[0])
                self._at = operator.end()
                if operator[0] == "\n":
                    self._skip_heredocs()
                continue
            redirect = _REDIRECT.match(self._text, self._at)
            if redirect:
                self._at = redirect.end()
                self._redirect(redirect[2])
                continue
            words.append(self._word())
        self._end(words, found, "")
        return found if "$?" in self._text else _without_errexit(found)

    def _end(self, words: list[Word], found: list[Command], operator: str) -> None:
        if words:
            command = self._command(words)
            if command.words or command.assignments or command.exports:
                found.append(command)
            words.clear()
        if operator == "||" and found:
            rest = self._text[self._at + 2 : self._at + 12].strip()
            if re.match(r"(?:true|:|exit 0|echo)\b|:", rest):
                found[-1] = found[-1]._replace(ignored=True)
        elif operator in {"|", "|&"} and found and "pipefail" not in self._text:
            found[-1] = found[-1]._replace(piped=True)

    def _command(self, words: list[Word]) -> Command:
        while words and words[0].value in _RESERVED:
            words = words[1:]
        assignments: list[tuple[str, Word]] = []
        declared = bool(words) and words[0].value in _DECLARES
        rest = words[1:] if declared else words
        used = 0
        for word in rest:
            pair = _assignment(self._text[word.start - self._offset : word.end - self._offset], word)
            if pair is None and not declared:
                break
            used += 1
            if pair is not None:
                assignments.append(pair)
        left = tuple(rest[used:])
        if declared or not left:
            self._known.update({name: word.value for name, word in assignments})
            return Command((), tuple(assignments), exports=_exported(words) if declared else ())
        if (left[0].value or "").rsplit("/", 1)[-1] == "env":
            more, left = _of_env(left, self._text, self._offset)
            assignments.extend(more)
        return Command(left, tuple(assignments))

    def _redirect(self, operator: str) -> None:
        while blank := _BLANK.match(self._text, self._at):
            self._at = blank.end()
        if self._at >= len(self._text) or self._text[self._at] == "\n":
            return
        target = self._word()
        if operator in {"<<", "<<-"} and target.value:
            self._heredocs.append(target.value)

    def _skip_heredocs(self) -> None:
        for mark in self._heredocs:
            closing = re.compile(rf"^[ \t]*{re.escape(mark)}[ \t]*$", re.MULTILINE).search(self._text, self._at)
            self._at = closing.end() if closing else len(self._text)
        self._heredocs.clear()

    def _word(self) -> Word:
        start = self._at
        parts: list[str | None] = []
        while self._at < len(self._text):
            plain = _PLAIN.match(self._text, self._at)
            if plain:
                parts.append(plain[0])
                self._at = plain.end()
                continue
            char = self._text[self._at]
            if char == "\\":
                escaped = self._text[self._at + 1 : self._at + 2]
                parts.append("" if escaped == "\n" else escaped)
                self._at += 2
            elif char == "'":
                end = self._text.find("'", self._at + 1)
                end = len(self._text) if end < 0 else end
                parts.append(self._text[self._at + 1 : end])
                self._at = end + 1
            elif char == '"':
                parts.extend(self._double())
            elif char == "$":
                parts.append(self._dollar())
            elif char == "`":
                end = self._text.find("`", self._at + 1)
                self._at = len(self._text) if end < 0 else end + 1
                parts.append(None)
            else:
                break
        if self._at == start:  # a character that no word takes, such as a bare operator inside a broken text
            self._at += 1
        end = min(self._at, len(self._text))
        known = [part for part in parts if part is not None]
        place = start + self._offset, end + self._offset
        if len(known) == len(parts):
            return Word("".join(known), *place)
        return Word(None, *place, "".join("\0" if part is None else part for part in parts))

    def _double(self) -> list[str | None]:
        parts: list[str | None] = []
        self._at += 1
        while self._at < len(self._text) and self._text[self._at] != '"':
            char = self._text[self._at]
            if char == "\\":
                escaped = self._text[self._at + 1 : self._at + 2]
                parts.append("" if escaped == "\n" else escaped if escaped in '$`"\\' else "\\" + escaped)
                self._at += 2
            elif char == "$":
                parts.append(self._dollar())
            elif char == "`":
                end = self._text.find("`", self._at + 1)
                self._at = len(self._text) if end < 0 else end + 1
                parts.append(None)
            else:
                plain = _QUOTED.match(self._text, self._at)
                parts.append(plain[0] if plain else char)
                self._at = plain.end() if plain else self._at + 1
        self._at += 1
        return parts or [""]

    def _dollar(self) -> str | None:
        variable = _VARIABLE.match(self._text, self._at)
        if variable:
            self._at = variable.end()
            known = self._known.get(variable["name"] or variable["braced"])
            if known is not None:
                return variable["word"] if variable["how"] in {":+", "+"} else known
            return variable["word"] if variable["how"] in {":-", "-", ":=", "="} else None
        following = self._text[self._at + 1 : self._at + 2]
        if following == "'":  # $'…'
            self._at += 1
            return ""
        if following in {"(", "{"}:
            self._at = self._balanced(self._at + 1, following, ")" if following == "(" else "}")
            return None
        self._at += 2 if following and following in "@*#?$!-0123456789" else 1
        return None if following and following in "@*#?$!-0123456789" else "$"

    def _balanced(self, at: int, opening: str, closing: str) -> int:
        depth = 0
        for place in _NESTING.finditer(self._text, at):
            if place.start() < at:
                continue
            char = place[0]
            if char == "\\":
                at = place.end() + 1
            elif char == opening:
                depth += 1
            elif char == closing:
                depth -= 1
                if not depth:
                    return place.end()
        return len(self._text)


def _without_errexit(found: list[Command]) -> list[Command]:
    """Return commands with those ignored that fail after `set +e` and are not the last, whose result counts."""
    is_off = False
    for index, command in enumerate(found):
        texts = command.texts()
        if texts[:1] == ["set"] and len(texts) > 1:
            is_off = texts[1].startswith("+") and "e" in texts[1] if "e" in texts[1] else is_off
        elif is_off and index + 1 < len(found):
            found[index] = command._replace(ignored=True)
    return found


def _exported(words: Sequence[Word]) -> tuple[str, ...]:
    """Return the names that `export A=b C` or `declare -x A=b` makes known to programs."""
    written = [word.partly if word.value is None else word.value for word in words]
    options = [text for text in written[1:] if text.startswith("-")]
    if (written[0] != "export" and not any("x" in text for text in options)) or "-n" in options:
        return ()
    names = (text.partition("=")[0] for text in written[1:])
    return tuple(name for name in names if _NAME.match(name))


def _assignment(source: str, word: Word) -> tuple[str, Word] | None:
    """Return the name and the value of `NAME=value`; the value's place is after the equals sign."""
    name, equals, _ = source.partition("=")
    append = name.endswith("+")
    if not equals or not _NAME.match(name.removesuffix("+")):
        return None
    value = None if append or word.value is None else word.value.partition("=")[2]
    return name.removesuffix("+"), Word(value, word.start + len(name) + 1, word.end)


def _of_env(words: Sequence[Word], text: str, offset: int) -> tuple[list[tuple[str, Word]], tuple[Word, ...]]:
    """Return what `env [-i] [-u NAME] A=b program …` sets, and the words from the program on."""
    found = []
    index = 1
    while index < len(words):
        word = words[index]
        pair = _assignment(text[word.start - offset : word.end - offset], word)
        if pair is not None:
            found.append(pair)
        elif word.value in {"-u", "--unset", "-C", "-S"}:
            index += 1
        elif not (word.value or "").startswith("-"):
            break
        index += 1
    return found, tuple(words[index:])
