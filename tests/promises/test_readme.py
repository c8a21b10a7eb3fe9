"""What the README shows is what happens: its settings load, its examples run, its sentences have tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from caller import call
from endpoint import Endpoint, Start

from privet.cli.docs import FILES, fill
from privet.detect import Detector
from privet.policy import DEFAULT, weakened
from privet.policy_file import load_policy

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PRIVET = str(Path(sys.executable).with_name("privet"))
MODEL = "smollm2-135m-instruct"


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["README.md", "docs/policy.md"])
def test_the_settings_shown_load(name: str, tmp_path: Path) -> None:
    shown, *more = blocks("toml", (ROOT / name).read_text(encoding="utf-8"))
    path = tmp_path / "privet.toml"
    path.write_text("\n".join((shown, *more)), encoding="utf-8")
    loaded = load_policy(path, environment={}, today=date(2026, 11, 25))
    assert Detector(loaded.policy.detect, tier="patterns")  # runs the examples of the rules shown
    assert len(loaded.policy.detect.rules) == sum(block.count("[[detect.rules]]") for block in more)
    assert loaded.policy.serve.prompt_identifiers == "refuse"
    assert loaded.policy.serve.max_choices == 8


@pytest.mark.parametrize("name", FILES)
def test_what_is_generated_is_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert fill(text) == text


def test_detection_alone() -> None:
    shown = next(block for block in blocks("console") if "privet detect --redact" in block)
    command, output = shown.splitlines()
    text = re.search(r"echo '(.*?)'", command)
    assert text is not None
    done = subprocess.run(
        [PRIVET, "detect", "--redact"], input=text[1] + "\n", capture_output=True, text=True, check=False
    )
    assert done.stdout == output + "\n"


def test_detection_in_python() -> None:
    shown = next(block for block in blocks("python") if "redact(" in block)
    space: dict[str, object] = {}
    for line in shown.splitlines():
        code, _, promised = line.partition("  # ")
        if promised:
            assert repr(eval(code, space)) == promised  # noqa: S307  (our own README)
        else:
            exec(code, space)  # noqa: S102


def shown_and_said(block: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what it is shown to print."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(command, said) for command, _, said in (part.partition("\n") for part in parts)]


@pytest.mark.parametrize("name", ["README.md", "docs/scrub.md"])
def test_scrubbing_as_shown(name: str, tmp_path: Path) -> None:
    found = [block for block in blocks("console", (ROOT / name).read_text(encoding="utf-8")) if "8 of 9" not in block]
    environment = {"PATH": f"{Path(PRIVET).parent}:/usr/bin:/bin", "XDG_STATE_HOME": str(tmp_path / "state")}
    commands = [pair for block in found if "privet scrub" in block for pair in shown_and_said(block)]
    assert commands
    for command, said in commands:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.stdout, done.stderr) == (said, "")


def test_the_transforms_shown_load(tmp_path: Path) -> None:
    path = tmp_path / "privet.toml"
    path.write_text(blocks("toml", (ROOT / "docs" / "scrub.md").read_text(encoding="utf-8"))[0], encoding="utf-8")
    policy = load_policy(path, environment={}).policy
    assert len(policy.scrub.transform) == 5
    assert not weakened(DEFAULT, policy)


def test_rows_in_python() -> None:
    shown = next(block for block in blocks("python", (ROOT / "docs" / "scrub.md").read_text(encoding="utf-8")))
    space: dict[str, object] = {}
    for line in shown.splitlines():
        code, _, promised = line.partition("  # ")
        if promised.startswith(("[", "{")):
            assert repr(eval(code, space)) == promised  # noqa: S307  (our own page)
        else:
            exec(code, space)  # noqa: S102


@pytest.fixture(scope="module")
def embedded(start_endpoint: Start) -> Endpoint:
    return start_endpoint()


def test_the_first_screen(embedded: Endpoint) -> None:
    body = json.loads(re.search(r"^\$ body='(.*)'$", README, re.MULTILINE)[1])  # type: ignore[index]
    seen = call(embedded, body, path="/privet/preview").json["parts"][0]["sent"]
    assert f'"sent":"{seen}"' in README
    said = call(embedded, body).json["choices"][0]["message"]["content"]
    assert f'"content":"{said}"' in README


def test_the_openai_example(embedded: Endpoint) -> None:
    shown = next(block for block in blocks("python") if "from openai" in block)
    assert embedded.key is not None
    done = subprocess.run(
        [sys.executable, "-c", shown],
        env={"OPENAI_BASE_URL": f"{embedded.url}/v1", "OPENAI_API_KEY": embedded.key, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "jane.doe@example.com" in done.stdout


def test_the_example_asks_and_shows_what_the_model_saw(embedded: Endpoint) -> None:
    assert embedded.key is not None
    done = subprocess.run(
        [sys.executable, ROOT / "examples/chat.py", "Repeat this address exactly: jane.doe@example.com"],
        env={"OPENAI_BASE_URL": f"{embedded.url}/v1", "OPENAI_API_KEY": embedded.key, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("the model sees: Repeat this address exactly: [EMAIL_ADDRESS_1]\n")


def test_the_example_settings_only_tighten() -> None:
    loaded = load_policy(ROOT / "examples/privet.toml", environment={}, today=date(2026, 11, 25))
    assert loaded.exceptions == ()
    assert weakened(DEFAULT, loaded.policy) == ()
    assert weakened(loaded.policy, DEFAULT)


def test_every_linked_file_exists() -> None:
    linked = re.findall(r"\]\(((?!https?:)[^)#]+)", README)
    assert [name for name in linked if not (ROOT / name).exists()] == []
