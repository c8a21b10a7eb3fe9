"""Which reader a file gets: by its name, and by nothing that it could hide behind.

Invariants: a reader is loaded when the first file of its format comes; a file that no reader knows has no units, and is no note.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from privet.check.facts import Note, Reading
from privet.check.pattern import regex

Sibling = Callable[[str], str | None]
"""Gives the text of another file of the same side by its path, or None."""

_PLACED: Final = (
    (r"(?:.*/)?[^/]+\.(?:service|socket|timer|slice|scope)\.d/[^/]+\.conf", "systemd"),
    (r"(?:.*/)?\.dvc/config(?:\.local)?", "ini"),
    (
        r"(?:.*/)?(?:[^/]*nginx[^/]*(?:/[^/]+)?|conf\.d|snippets|sites-(?:available|enabled))/[^/]+\.(?:conf|conf\.template|vhost)",
        "proxy",
    ),
)
"""Formats that the folder tells; asked before the file's own name."""
_PLACED_ENDINGS: Final = (".conf", ".conf.template", ".vhost", ".dvc/config", ".dvc/config.local")
_FORMATS: Final = (
    (r"[^/]+\.(?:docker|container)ignore", "ignores"),
    (
        r"(?:.*[._-])?(?:docker|container)file(?:[._-][\w.-]*?)?(?<!\.md)(?<!\.rst)(?<!\.txt)(?<!\.png)(?<!\.js)(?<!\.ts)(?<!\.css)(?<!\.html)(?<!\.svg)(?<!\.jpg)(?<!\.py)(?<!\.sh)(?<!\.yml)(?<!\.yaml)(?<!\.json)",
        "dockerfile",
    ),
    (r".*\.(?:dockerfile|containerfile)", "dockerfile"),
    (r"(?:docker-|podman-)?compose[^/]*\.ya?ml", "compose"),
    (r"(?:\.env.*|.*\.env|env\.(?:example|sample|prod|dev).*|\.envrc)", "dotenv"),
    (
        r".*\.(?:sh|bash|zsh|ksh|command|sbatch|slurm)|\.(?:bashrc|zshrc|profile|bash_profile)|makefile|justfile|procfile.*",
        "shell",
    ),
    (r".*\.(?:service|container|kube|timer|socket)", "systemd"),
    (r".*\.py[iw]?", "python"),
    (r".*\.ipynb", "notebook"),
    (r".*\.(?:ya?ml|tpl)|kustomization", "yaml"),
    (r".*\.toml", "toml"),
    (r".*\.(?:json|jsonc|json5)|\.babelrc", "json"),
    (r"(?:.*\.)?caddyfile(?:\..*)?|.*\.caddy(?:file)?|.*nginx[^/]*\.conf(?:\.template)?|.*haproxy[^/]*\.cfg", "proxy"),
    (r".*\.(?:ini|cfg|conf|properties)|\.(?:guardrailsrc|gitconfig|npmrc|pip|condarc|wgetrc|curlrc)", "ini"),
    (
        r"\.(?:(?:git|docker|gcloud|helm|npm|vercel|eb|container|cf|func|railway|slug|heroku)ignore|gitattributes)",
        "ignores",
    ),
    (r".*\.(?:md|markdown|rst)", "card"),
    (r".*\.(?:tf|tfvars|hcl)", "terraform"),
    (r".*\.sql", "sql"),
)
_BY_ENDING: Final = {
    **dict.fromkeys(("py", "pyi", "pyw"), "python"),
    **dict.fromkeys(("md", "markdown", "rst"), "card"),
    "ipynb": "notebook",
    "toml": "toml",
    "json": "json",
    "sql": "sql",
    "tf": "terraform",
    "sh": "shell",
    **dict.fromkeys(
        ("txt", "png", "jpg", "gif", "svg", "csv", "tsv", "parquet", "js", "mjs", "ts", "tsx", "jsx", "css",
         "html", "c", "h", "cc", "cpp", "go", "rs", "java", "lock", "po", "map", "gz"),
        "",
    ),
}  # fmt: skip
"""Formats of most files, whose names end in nothing else than this."""
_BY_PLACE: Final = tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in _PLACED)
_KNOWN: Final = regex(
    "|".join(f"(?P<f{number}>{pattern})" for number, (pattern, _) in enumerate(_FORMATS)), re.IGNORECASE
)
SHARED: Final = frozenset(("compose", "dockerfile", "dotenv", "shell", "systemd", "yaml"))
"""Formats whose files take something from one another: read together, and judged when all of them are."""
_CODE: Final = frozenset(("python", "notebook", "sql"))
_MODULES: Final = {
    "yaml": "manifests",
    "compose": "compose",
    "dotenv": "shell",
    "shell": "shell",
    "python": "python",
    "notebook": "notebook",
    "toml": "config",
    "json": "config",
    "ini": "config",
    "systemd": "systemd",
    "dockerfile": "dockerfile",
    "ignores": "ignores",
    "card": "card",
    "terraform": "terraform",
    "sql": "sql",
    "proxy": "proxies",
}


def format_of(path: str) -> str:
    """Return the format's name, or "" for a file that no reader knows."""
    if path.endswith(_PLACED_ENDINGS):
        for pattern, kind in _BY_PLACE:
            if pattern.fullmatch(path):
                return kind
    return _format_of_name(path.rsplit("/", 1)[-1])


@lru_cache(maxsize=2**16)
def _format_of_name(name: str) -> str:
    lower = name.lower()
    _, dot, ending = lower.rpartition(".")
    kind = _BY_ENDING.get(ending) if dot else None
    if kind is not None and "file" not in lower and not lower.startswith((".", "env.")):
        return kind
    found = _KNOWN.fullmatch(name)
    return _FORMATS[int(found.lastgroup[1:])][1] if found and found.lastgroup else ""


def read(path: str, text: str, sibling: Sibling, *, compared: bool = False) -> Reading:
    """Return what a file says. A reader that fails is a note for this file, never the end of the run.

    With `compared`, code is read for what only a comparison of two sides can judge, too.
    """
    kind = format_of(path)
    if not kind:
        return Reading()
    try:
        reader = importlib.import_module(f"privet.check.{_MODULES[kind]}")
        more = {"compared": True} if compared and kind in _CODE else {}
        reading: Reading = reader.read(path, text, sibling, **more)
    except RecursionError:
        return Reading(notes=(Note(path, 1, "nested too deeply to be read"),))
    except Exception as error:
        # Whatever is wrong with a file, or with its reader: it was not read, and the rest is.
        return Reading(notes=(Note(path, 1, f"could not be read: its reader failed ({type(error).__name__})"),))
    return reading
