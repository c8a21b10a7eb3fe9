"""What a pickle would call when it is loaded, read from its opcodes: nothing is loaded.

Sources: the Python library reference, `pickle` and `pickletools`; torch.serialization (a zip with `data.pkl`, before 1.6 several pickles in
a row and then storages), and which names `weights_only` allows.

Invariant: what cannot be followed counts as a call of anything.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

_MOST_PICKLES: Final = 8
_MOST_BYTES: Final = 1 << 26
_MOST_OPCODES: Final = 5_000_000
UNKNOWN: Final = ("", "")
_PROTOCOLS: Final = tuple(bytes((number,)) for number in range(1, 6))
_PLAIN: Final = re.compile(
    r"collections OrderedDict|collections defaultdict|torch\._utils _rebuild_\w+|torch\._tensor _rebuild_from_type_v2"
    r"|torch(?:\.storage)? \w+Storage|torch\.serialization _get_layout"
    r"|torch (?:Size|device|Tensor|dtype|float\w*|bfloat16|u?int\d+|bool)"
    r"|torch\.nn\.parameter Parameter|numpy(?:\._core|\.core)?\.multiarray (?:_reconstruct|scalar)|numpy (?:ndarray|dtype)"
    r"|_codecs encode|(?:builtins|__builtin__) (?:set|frozenset|list|dict|tuple|int|float|complex|bytearray|slice|range)"
)
"""Names that only put tensors and collections together."""
_RUNS: Final = re.compile(
    r"(?:os|posix|nt|subprocess|sys|shutil|socket|pty|runpy|importlib|webbrowser|ctypes|builtins|__builtin__|code"
    r"|multiprocessing|urllib|requests|httpx|asyncio|pip|pickle|marshal|types|functools|operator"
    r"|torch\.hub|torch\.utils|torch\.jit|torch\.storage|numpy\.f2py|numpy\.testing)(?:\.\w+)* .*"
)


def kind_of(name: tuple[str, str]) -> str:
    """Return `plain`, `runs` for what starts programs or opens anything, or `other`.

    >>> kind_of(("collections", "OrderedDict")), kind_of(("posix", "system")), kind_of(("transformers", "TrainingArguments"))
    ('plain', 'runs', 'other')
    """
    if name == UNKNOWN:
        return "runs"
    joined = " ".join(name)
    return "plain" if _PLAIN.fullmatch(joined) else "runs" if _RUNS.fullmatch(joined) else "other"


def names_in(stream: BinaryIO) -> set[tuple[str, str]] | None:
    """Return the module and name of everything that the pickles of a file would look up, or nothing where it is no pickle.

    Raises:
        ValueError: a pickle that is too large or damaged, without a name before the damage.

    """
    if stream.read(2) == b"PK":
        return _of_archive(stream)
    found: set[tuple[str, str]] = set()
    for number in range(_MOST_PICKLES):
        start = stream.tell() if number else 0
        stream.seek(start)
        head = stream.read(2)
        stream.seek(start)
        is_marked = head[:1] == b"\x80" and head[1:] in _PROTOCOLS
        # Behind the last pickle of torch's old form stand numbers: a pickle there begins with its protocol.
        if number and not is_marked:
            break
        try:
            for name in _names(stream):
                found.add(name)
        except ValueError:
            # What stands before the damage would be run before it is met.
            if found or number:
                break
            if is_marked:
                raise
            return None
    return found


def _of_archive(stream: BinaryIO) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    try:
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".pkl"):
                    with archive.open(member) as inner:
                        raw = inner.read(_MOST_BYTES + 1)
                    if len(raw) > _MOST_BYTES:
                        raise ValueError("the pickle is too large")
                    found |= names_in(io.BytesIO(raw)) or set()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise ValueError("the archive is damaged") from error
    return found


def _names(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield the names of one pickle.

    A name on the stack is known where its two texts were pushed, or taken from where they were kept, right before it. Whatever else moves
    the stack in between may have changed what lies there.
    """
    recent: list[str] = []
    kept: dict[int, str | None] = {}
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > _MOST_OPCODES:
                raise ValueError("the pickle is too large")
            if opcode.name in _GLOBALS:
                yield _name(opcode.name, argument, recent)
            if opcode.name in _KEEPING:
                place = len(kept) if opcode.name == "MEMOIZE" else int(argument or 0)
                kept[place] = recent[-1] if recent else None
            elif opcode.name not in _STILL:
                text = kept.get(int(argument or 0)) if opcode.name in _TAKING else argument
                recent = [*recent[-1:], text] if _is_text(opcode.name) and isinstance(text, str) else []
    except (ValueError, UnicodeDecodeError, IndexError, OverflowError, MemoryError) as error:
        raise ValueError("the pickle is damaged") from error


_GLOBALS: Final = frozenset(("GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"))
_KEEPING: Final = frozenset(("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"))
_TAKING: Final = frozenset(("GET", "BINGET", "LONG_BINGET"))
_STILL: Final = frozenset(("PROTO", "FRAME"))


def _is_text(opcode: str) -> bool:
    return opcode in _TAKING or "UNICODE" in opcode or "STRING" in opcode


def _name(opcode: str, argument: object, recent: Sequence[str]) -> tuple[str, str]:
    if opcode in {"GLOBAL", "INST"}:
        module, _, attribute = str(argument).partition(" ")
        return module, attribute
    return (recent[0], recent[1]) if opcode == "STACK_GLOBAL" and len(recent) == 2 else UNKNOWN
