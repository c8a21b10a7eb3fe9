"""Which program gets which variable: of a step, of a script's exports, of the Python file that it runs."""

from __future__ import annotations

import pytest

from privet.check.exports import in_force
from privet.check.scan import compare, tree_of
from privet.check.words import split

PATH = ".github/workflows/train.yml"
TRAIN = 'import wandb\n\nwandb.init(project="a")\n'
QUIET = f'import os\n\nos.environ["WANDB_MODE"] = "disabled"\n{TRAIN}'
OFF = "{run: python train.py, env: {WANDB_MODE: disabled}}"
ON = "{run: python train.py}"
SCRIPT = "export VLLM_NO_USAGE_STATS=1\nvllm serve m\n"
USES = {"a.py": TRAIN, ".env": "WANDB_PROJECT=a\n"}


def workflow(*steps: str, job: str = "") -> dict[str, str]:
    text = f"on: push\npermissions: {{}}\njobs:\n  a:\n{job}    steps:\n"
    return {**USES, PATH: text + "".join(f"      - {step}\n" for step in steps)}


def told(base: dict[str, str], head: dict[str, str]) -> list[tuple[str, str, int]]:
    return [(item.rule, item.path, item.line) for item in compare(tree_of(base), tree_of(head)).findings]


def test_a_variable_of_another_step_is_not_the_programs() -> None:
    base = workflow("{run: vllm serve m, env: {VLLM_NO_USAGE_STATS: '1'}}", "{run: echo hi}")
    head = workflow("{run: vllm serve m}", "{run: echo hi, env: {VLLM_NO_USAGE_STATS: '1'}}")
    assert told(base, head) == [("vllm-no-usage-stats", PATH, 6)]
    head = workflow(ON, "{run: echo hi, env: {WANDB_MODE: disabled}}")
    assert told(workflow(OFF, "{run: echo hi}"), head) == [("wandb-mode", PATH, 6)]


@pytest.mark.parametrize(
    "head",
    [
        workflow(ON, job="    env: {WANDB_MODE: disabled}\n"),
        workflow("{run: WANDB_MODE=disabled python train.py}"),
        workflow("{run: 'export WANDB_MODE=disabled; python train.py'}"),
        workflow("{run: echo WANDB_MODE=disabled >> $GITHUB_ENV}", ON),
        workflow("{run: python prepare.py}", OFF),
        workflow("{run: python prepare.py}", OFF.replace("train.py", "train.py --steps 3")),
        {**workflow(ON), "train.py": QUIET},
        {**workflow(ON.replace("}", ", working-directory: src}")), "src/train.py": QUIET},
        {**workflow(ON.replace("train.py", "-m src.train")), "src/train.py": QUIET},
    ],
)
def test_a_variable_that_the_program_still_gets_is_not_lost(head: dict[str, str]) -> None:
    base = workflow("{run: python -m src.train, env: {WANDB_MODE: disabled}}" if "-m src" in head[PATH] else OFF)
    files = {path: TRAIN for path in head if path.endswith(".py") and path not in USES}
    assert told({**base, **files}, head) == []


def test_what_another_script_sets_for_itself_is_not_the_programs() -> None:
    base = {**workflow(OFF), "other.py": TRAIN}
    assert told(base, {**workflow(ON), "other.py": QUIET}) == [("wandb-mode", PATH, 6)]


def test_a_step_cannot_write_to_the_jobs_environment_for_one_before_it() -> None:
    head = workflow(ON, "{run: echo WANDB_MODE=disabled >> $GITHUB_ENV}")
    assert told(workflow(OFF), head) == [("wandb-mode", PATH, 6)]


def test_one_line_that_went_is_told_once_and_not_of_a_step_that_never_had_it() -> None:
    assert told(workflow(OFF, "{run: python b.py}"), workflow(ON, "{run: python b.py}")) == [("wandb-mode", PATH, 6)]
    both = f"python b.py\n{SCRIPT.partition(chr(10))[2]}"
    base, head = {"a.sh": f"export VLLM_NO_USAGE_STATS=1\n{both}"}, {"a.sh": both}
    assert told(base, head) == [("vllm-no-usage-stats", "a.sh", 2)]
    base, head = workflow(OFF, OFF.replace("train", "b")), workflow(ON, ON.replace("train", "b"))
    assert [line for _, _, line in told(base, head)] == [6, 7]


@pytest.mark.parametrize(
    "script",
    [
        "VLLM_NO_USAGE_STATS=1\nvllm serve m\n",
        "readonly VLLM_NO_USAGE_STATS=1\nvllm serve m\n",
        "vllm serve m\nexport VLLM_NO_USAGE_STATS=1\n",
        f"{SCRIPT.partition(chr(10))[0]}\nunset VLLM_NO_USAGE_STATS\nvllm serve m\n",
        "vllm serve m\n",
    ],
)
def test_what_a_script_does_not_export_before_a_program_is_lost(script: str) -> None:
    assert [rule for rule, _, _ in told({"run.sh": SCRIPT}, {"run.sh": script})] == ["vllm-no-usage-stats"]
    head = {"run.sh": script, "deploy.sh": "echo\n"}
    assert told({**head, "run.sh": SCRIPT}, {"deploy.sh": "vllm serve m\n"}) == []


@pytest.mark.parametrize(
    "script",
    [
        "VLLM_NO_USAGE_STATS=1\nexport A VLLM_NO_USAGE_STATS\nvllm serve m\n",
        "export A VLLM_NO_USAGE_STATS=1\nvllm serve m\n",
        "declare -x VLLM_NO_USAGE_STATS=1\nvllm serve m\n",
        "set -a\nVLLM_NO_USAGE_STATS=1\nset +a\nvllm serve m\n",
        "set -o allexport\nVLLM_NO_USAGE_STATS=1\nvllm serve m\n",
        'VLLM_NO_USAGE_STATS=1 exec vllm serve m "$@"\n',
    ],
)
def test_other_ways_to_export_are_as_good(script: str) -> None:
    assert told({"run.sh": SCRIPT}, {"run.sh": script}) == []


def test_exports_of_a_containers_command_and_of_pipelines_are_in_order() -> None:
    image = "FROM vllm/vllm-openai:v0.11.0\nUSER 1000\nCMD {}\n"
    base, head = ({"Dockerfile": image.format(text)} for text in (
        "export VLLM_NO_USAGE_STATS=1; vllm serve m", "VLLM_NO_USAGE_STATS=1; vllm serve m"
    ))  # fmt: skip
    assert [rule for rule, _, _ in told(base, head)] == ["vllm-no-usage-stats"]
    job = "train:\n  script:\n{}"
    lines = ["    - export VLLM_NO_USAGE_STATS=1\n", "    - vllm serve m\n"]
    base, head = ({".gitlab-ci.yml": job.format("".join(some))} for some in (lines, lines[::-1]))
    assert [rule for rule, _, _ in told(base, head)] == ["vllm-no-usage-stats"]


def test_a_command_gets_what_is_exported_before_it() -> None:
    commands = in_force(split("A=1\nexport B=2 A\nx\nexport -n A\nset +a\nC=3 y\nunset B\nz\n"))
    got = {command.words[0].value: [name for name, _ in command.assignments] for command in commands if command.words}
    assert (got["x"], got["y"], got["z"]) == (["B", "A"], ["B", "A", "C"], ["A"])
