"""Programs that look at changes for secrets, or take what notebooks printed out of them: a hook or step that runs one is a guard.

Invariant: a guard has the program's name, so that one program in the place of another is no loss, and none is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from privet.check.facts import Unit, UnitKind
from privet.check.pattern import regex
from privet.check.yaml_nodes import Node

GUARD: Final = "secret-scan-removed"
OF_SOME: Final = " of some files"
"""What the name of a guard ends in that looks at changes of some files only: less than one that looks at all."""
_PROGRAM: Final = regex(
    r"(?:^|[/\s-])(?P<name>nbstripout|clear-output|clearoutputpreprocessor|nb-?clean|jupyter-notebook-cleanup|nbdev[_-]clean|detect-secrets(?:-hook)?|gitleaks|trufflehog|detect-private-key"
    r"|detect-aws-credentials|ggshield|git-secrets|ripsecrets|talisman|whispers|presidio[\w-]*|check-added-large-files)(?=$|[\s@/:-])",
    re.IGNORECASE,
)
_ABOUT: Final = r"(?:pii|phi|privacy|gdpr|secrets?|credentials?|personal[_-]?data|leaks?|identifiers?)"
_LOOKS: Final = r"(?:gate|check(?:er)?|scan(?:ner)?|lint(?:er)?|audit|guard|detect(?:or)?)"
_OWN: Final = regex(
    rf"(?:^|[\s/.:_-])(?P<name>(?:no[_-])?{_ABOUT}[_-]{_LOOKS}|{_LOOKS}(?:[_-](?:for|no))?[_-]{_ABOUT})(?=$|[\s./:_-])",
    re.IGNORECASE,
)
"""A script or target of the repository that says by its name that it looks for such things."""
_LOOKS_NOT: Final = regex(
    r"(?:^|\s)(?:pip|uv|apt|apt-get|brew|conda|npm|go|curl|wget|docker pull)\b|--version|--install|--help"
)


def scanning(said: str, place: Node) -> Iterator[Unit]:
    """Yield a guard when a hook's id, a step's action or a command line runs such a program."""
    found = _PROGRAM.search(said) or _OWN.search(said)
    if found and not _LOOKS_NOT.search(said):
        name = f"scan by {found['name'].lower()}"
        yield Unit(UnitKind.GUARD, name, place.source.path, place.start, place.end, guard=GUARD)
