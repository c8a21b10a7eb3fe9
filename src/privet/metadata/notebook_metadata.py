"""What a notebook says about its kernel, its language and the size of its pictures, as far as it names nobody."""

from __future__ import annotations

import re
from typing import Any, Final

IMAGES: Final = frozenset("image/png image/jpeg image/gif image/webp image/bmp application/pdf".split())  # noqa: SIM905
_KERNELS: Final = re.compile(
    r"python[23]?|ir|bash|javascript|deno|julia-[0-9.]{1,8}|xcpp[0-9]{2}|rust|scala|sos|java|gophernotes|\.net-(?:csharp|fsharp)"
)
_KERNEL_NAMES: Final = re.compile(
    r"(?:Python|Julia|R|C\+\+|Bash|Go|Rust|Scala|Java|JavaScript)(?: [0-9][0-9.]{0,8})?(?: \(ipykernel\))?"
)
_IMAGE_KEYS: Final = frozenset(("width", "height"))


def kernel(old: dict[str, Any]) -> dict[str, Any]:
    """Return what says which kernel runs the notebook: names of environments are names of people and projects."""
    language = old.get("language") if is_word(old.get("language")) else "python"
    name = old.get("name")
    if not isinstance(name, str) or _KERNELS.fullmatch(name) is None:
        name = "python3" if language == "python" else str(language).lower()
    shown = old.get("display_name")
    if not isinstance(shown, str) or _KERNEL_NAMES.fullmatch(shown) is None:
        shown = "Python 3" if language == "python" else str(language)
    values = {"display_name": shown, "language": language, "name": name}
    return {key: values[key] for key in old if key in values}


def is_word(value: object) -> bool:
    """Tell whether a value is one short word."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z+#.-]{1,20}", value) is not None


def short(value: object) -> object:
    """Return a value of the language's description if it is as short as those are."""
    if isinstance(value, dict):
        return {key: short(said) for key, said in value.items() if key in ("name", "version")}
    if isinstance(value, str):
        return value if re.fullmatch(r"[\w.+/ -]{0,40}", value) else ""
    return value if isinstance(value, int) else None


def sizes(value: object) -> dict[str, Any]:
    """Return how large the pictures of an output are shown."""
    if not isinstance(value, dict):
        return {}
    new: dict[str, Any] = {}
    for kind, said in value.items():
        if kind in IMAGES and isinstance(said, dict):
            new[kind] = {
                key: size for key, size in said.items() if key in _IMAGE_KEYS and isinstance(size, int | float)
            }
        elif kind == "needs_background" and is_word(said):
            new[kind] = said
    return new
