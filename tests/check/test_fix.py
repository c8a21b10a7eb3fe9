"""`--fix`: what has one spelling is written, and nothing is broken by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.fix import can_fix, fix
from privet.check.rules import RULES
from privet.check.scan import scan
from privet.check.tree import working_tree

FIXABLE = [rule for rule in RULES if rule.one_spelling and rule.safe]


def fixed(root: Path) -> list[str]:
    tree = working_tree(root)
    result = scan(tree)
    return [item.rule for item in fix(root, tree, result.weaknesses, result.findings)]


def write(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize("rule", FIXABLE, ids=lambda rule: rule.id)
def test_every_rule_with_one_spelling_is_fixed_once_in_its_own_example(rule: object, tmp_path: Path) -> None:
    hit = rule.hit  # type: ignore[attr-defined]
    file = write(tmp_path, hit.path, hit.text)
    rules = fixed(tmp_path)
    assert rule.id in rules  # type: ignore[attr-defined]
    after = file.read_text()
    changed = [(old, new) for old, new in zip(hit.text.splitlines(), after.splitlines(), strict=True) if old != new]
    assert 1 <= len(changed) <= len(rules)
    left = scan(working_tree(tmp_path))
    assert not {weakness.rule.id for weakness in left.weaknesses} & set(rules)
    assert fixed(tmp_path) == []
    assert file.read_text() == after


LINES = st.lists(
    st.sampled_from(
        (
            "VLLM_NO_USAGE_STATS=true",
            "VLLM_NO_USAGE_STATS='yes'  # why",
            'export OLLAMA_DEBUG="1"',
            "# VLLM_NO_USAGE_STATS=true",
            "OLLAMA_HOST=0.0.0.0",
            "MY_OWN=äö 😀",
            "",
            "DO_NOT_TRACK=",
        )
    ),
    max_size=8,
)


@given(lines=LINES, end=st.sampled_from(("\n", "\r\n")), mark=st.sampled_from(("", "\ufeff")))
def test_fixing_twice_is_fixing_once_and_keeps_all_else(
    lines: list[str], end: str, mark: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("fix")
    text = mark + "".join(f"{line}{end}" for line in lines)
    file = write(root, "a.env", text)
    fixed(root)
    once = file.read_bytes().decode()
    assert not [item for item in scan(working_tree(root)).weaknesses if can_fix(item) and item.end > item.start]
    fixed(root)
    assert file.read_bytes().decode() == once
    assert once.startswith(mark)
    for before, after in zip(text.split(end), once.split(end), strict=True):
        assert before == after or before.partition("=")[0] == after.partition("=")[0]
        assert before.partition("#")[2] == after.partition("#")[2]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (
            "compose.yaml",
            "services:\n  a:\n    image: vllm/vllm-openai\n    environment:\n      - 'VLLM_NO_USAGE_STATS=true' # x\n",
            "services:\n  a:\n    image: vllm/vllm-openai\n    environment:\n      - 'VLLM_NO_USAGE_STATS=1' # x\n",
        ),
        (
            "compose.yaml",
            "services:\n  a:\n    image: vllm/vllm-openai\n    environment: {VLLM_NO_USAGE_STATS: true}\n",
            'services:\n  a:\n    image: vllm/vllm-openai\n    environment: {VLLM_NO_USAGE_STATS: "1"}\n',
        ),
        ("a.py", "import os\nos.environ['VLLM_NO_USAGE_STATS'] = 'true'\n", "import os\nos.environ['VLLM_NO_USAGE_STATS'] = '1'\n"),
        (
            "a.py",
            "from transformers import TrainingArguments\nTrainingArguments(push_to_hub=1)\n",
            "from transformers import TrainingArguments\nTrainingArguments(push_to_hub=False)\n",
        ),
        ("run.sh", "uvicorn app:app --log-level=trace\n", "uvicorn app:app --log-level=info\n"),
        ("run.sh", "uvicorn app:app --log-level trace\n", "uvicorn app:app --log-level info\n"),
    ],
)  # fmt: skip
def test_the_spelling_fits_the_place(path: str, before: str, after: str, tmp_path: Path) -> None:
    file = write(tmp_path, path, before)
    fixed(tmp_path)
    assert file.read_text() == after


def test_what_has_no_place_for_it_is_left(tmp_path: Path) -> None:
    texts = {
        "a.ipynb": '{"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "source": ["import os\\n", '
        "\"os.environ['VLLM_NO_USAGE_STATS'] = 'true'\"]}]}",
        "b.env": "OLLAMA_HOST=0.0.0.0\n",
        "c.py": "import os\nos.environ['VLLM_NO_USAGE_STATS'] = ('tr'\n    'ue')\n",
    }
    for path, text in texts.items():
        write(tmp_path, path, text)
    assert fixed(tmp_path) == []
    assert {path: (tmp_path / path).read_text() for path in texts} == texts


def test_a_file_that_changed_meanwhile_is_left_and_modes_stay(tmp_path: Path) -> None:
    file = write(tmp_path, "a.env", "VLLM_NO_USAGE_STATS=true\n")
    other = write(tmp_path, "b.env", "VLLM_NO_USAGE_STATS=true\n")
    other.chmod(0o640)
    tree = working_tree(tmp_path)
    result = scan(tree)
    texts = tree.text("a.env"), tree.text("b.env")
    assert texts[0] == texts[1]
    stale = {"a.env": texts[0], "b.env": texts[1]}
    tree.text = stale.get  # type: ignore[method-assign]
    file.write_text("# now\nVLLM_NO_USAGE_STATS=true\n")
    assert [item.path for item in fix(tmp_path, tree, result.weaknesses, result.findings)] == ["b.env"]
    assert file.read_text() == "# now\nVLLM_NO_USAGE_STATS=true\n"
    assert other.stat().st_mode & 0o777 == 0o640


def test_only_what_was_told_is_written(tmp_path: Path) -> None:
    file = write(tmp_path, "a.env", "VLLM_NO_USAGE_STATS=true\nOLLAMA_DEBUG=1\n")
    tree = working_tree(tmp_path)
    result = scan(tree)
    told = [finding for finding in result.findings if finding.rule == "ollama-debug"]
    fix(tmp_path, tree, result.weaknesses, told)
    assert file.read_text() == "VLLM_NO_USAGE_STATS=true\nOLLAMA_DEBUG=0\n"
