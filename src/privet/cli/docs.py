"""`python -m privet.cli.docs [--check]`: writes the parts of the documentation that are generated from the code.

A tool of this repository, not a verb: the settings' pages come from `policy.py`, the refusals' page from `serve/refusals.py`, the
environment's from `environment.py`, those of docs/rules from the tables of `privet check`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from privet.environment import environment_page
from privet.report import check_pages
from privet.report.policy_text import policy_page, readme_table
from privet.serve.refusals import RULES
from privet.train_config import config_table

_MARK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def refusals_page() -> str:
    """Return the reference of every way the endpoint says no."""
    parts = []
    for rule_id, rule in RULES.items():
        says = rule.says.format(param="`FIELD`")
        parts.append(
            f"### {rule_id}\n\nStatus {rule.status}, code `{rule.code}`: {says}.\n\n"
            f"- **Why:** {rule.why}\n- **Instead:** {rule.instead}\n"
        )
    return "\n".join(parts)


GENERATED = {
    "on-by-default": readme_table,
    "settings": policy_page,
    "refusals": refusals_page,
    "environment": environment_page,
    "train-config": config_table,
}
FILES = ("README.md", "docs/policy.md", "docs/environment.md", "docs/rules/serve.md", "docs/train-config.md")


def fill(text: str) -> str:
    """Return a document with its generated parts as the code has them now."""
    return _MARK.sub(lambda found: found[1] + GENERATED[found[2]]().rstrip("\n") + "\n" + found[3], text)


def made(root: Path) -> dict[Path, str]:
    """Return what every generated document has to hold."""
    filled = {root / name: fill((root / name).read_text(encoding="utf-8")) for name in FILES}
    rules = {root / "docs" / "rules" / name: text for name, text in check_pages.pages().items()}
    return filled | rules


def main() -> int:
    """Write the generated documents, or with --check tell whether they are up to date."""
    parser = argparse.ArgumentParser(description="write the generated parts of the documentation")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a file is out of date")
    check = parser.parse_args().check
    root = Path(__file__).parents[3]
    wanted = made(root)
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    old = [path for path in (root / "docs" / "rules").glob("*.md") if path not in wanted]
    if not check:
        for path in stale:
            path.write_text(wanted[path], encoding="utf-8")
        for path in old:
            path.unlink()
    if stale or old:
        names = ", ".join(path.relative_to(root).as_posix() for path in [*stale, *old])
        sys.stderr.write(f"{'out of date, run make docs' if check else 'written'}: {names}\n")
    return 1 if (stale or old) and check else 0


if __name__ == "__main__":
    sys.exit(main())
