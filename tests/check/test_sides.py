"""Two sides: what has not changed is read once, and only where nothing that it takes from others has."""

from __future__ import annotations

from privet.check.scan import compare, tree_of
from privet.check.tree import Entry, Tree

COMPOSE = (
    "services:\n  a:\n    image: vllm/vllm-openai:v0.11.0\n    env_file: [.env]\n    environment:\n      A: ${WHICH}\n"
)
BASE = {
    "compose.yaml": COMPOSE,
    ".env": "WHICH=1\nVLLM_NO_USAGE_STATS=1\n",
    "app.py": "A = 1\n",
    "b/Dockerfile": "FROM python:3.12\n",
}


def counted(files: dict[str, str]) -> tuple[Tree, list[str]]:
    """Return a tree, and which of its files have been read."""
    seen: list[str] = []

    def read(entry: Entry, limit: int) -> bytes:
        seen.append(entry.path)
        return files[entry.path].encode()[:limit]

    return Tree([Entry(path, len(text)) for path, text in files.items()], read, "texts"), seen


def test_a_file_that_is_the_same_is_read_on_one_side() -> None:
    base, of_base = counted(BASE)
    head, of_head = counted(BASE | {"app.py": "A = 2\n"})
    assert compare(base, head, changed={"app.py"}).findings == ()
    assert "compose.yaml" in of_head
    assert [path for path in of_base if path != "privet.toml"] == ["app.py"]


def test_a_file_that_takes_something_from_one_that_changed_is_read_on_both() -> None:
    base, of_base = counted(BASE)
    head, _ = counted(BASE | {".env": "WHICH=2\nVLLM_NO_USAGE_STATS=0\n"})
    found = compare(base, head, changed={".env"}).findings
    assert "compose.yaml" in of_base
    assert "b/Dockerfile" not in of_base
    assert [finding.rule for finding in found] == ["vllm-no-usage-stats"]


def test_reading_once_tells_what_reading_twice_does() -> None:
    after = BASE | {".env": "WHICH=1\n"}
    once = compare(tree_of(BASE), tree_of(after), changed={".env"}).findings
    assert once == compare(tree_of(BASE), tree_of(after)).findings
    assert once
