"""`privet train` as a user runs it, in a process that locks itself in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from privet.cli import main
from privet.cli.train import FORMAT
from privet.evidence import is_signed

PRIVET = str(Path(sys.executable).with_name("privet"))
MAKE_MODEL = """
import sys, torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
signs = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<end>"]
made = Tokenizer(models.BPE(vocab={sign: at for at, sign in enumerate(signs)}, merges=[]))
made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
made.decoder = decoders.ByteLevel()
PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>").save_pretrained(sys.argv[1])
LlamaForCausalLM(LlamaConfig(
    vocab_size=len(signs), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=256, eos_token_id=len(signs) - 1, bos_token_id=None, tie_word_embeddings=True,
)).save_pretrained(sys.argv[1])
"""
CONFIG = """
[model]
path = "base"
[data]
path = "tickets.jsonl"
subject = "customer"
[train]
steps = 2
batch_size = 4
sequence_length = 96
[canaries]
count = 2
[output]
path = "out"
"""


@dataclass(frozen=True, slots=True)
class Here:
    """A folder with a home of its own, in which the command runs."""

    path: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.path / "home"),
            "XDG_STATE_HOME": str(self.path / "state"),
            "TMPDIR": str(self.path / "tmp"),
            "HF_TOKEN": "hf_" + "a" * 34,
        }

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words, capture_output=True, check=False, timeout=250, cwd=self.path, env=self.environment, text=True
        )
        assert done.returncode == code, done
        return done

    def files(self) -> set[str]:
        return {path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path: Path) -> Here:
    for name in ("home", "state", "tmp"):
        (tmp_path / name).mkdir()
    names = ["amber", "brisk", "calm", "dusty", "early", "faded", "gentle", "hollow", "ivory", "jolly", "keen", "late"]
    rows = [
        {"customer": f"C-{at}", "text": f"{name} lamp {at}: Jane Doe, jane{at}@example.com"}
        for at, name in enumerate(names)
    ]
    (tmp_path / "tickets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    (tmp_path / "run.toml").write_text(CONFIG)
    return Here(tmp_path)


def test_a_run_from_config_to_card(here: Here) -> None:
    pytest.importorskip("torch")
    here.run(sys.executable, "-c", MAKE_MODEL, "base")
    before = here.files()
    done = here.run(PRIVET, "train", "run.toml", "--json")
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.stderr == ""
    assert said["format"] == FORMAT
    assert said["privacy"]["unit"] == "subject"
    assert 0 < said["privacy"]["epsilon"] <= 8
    assert said["data"]["scrub"]["changed"] == 13
    assert said["data"]["dedup"]["duplicates"] == 1
    assert {"seccomp", "loopback device"} <= set(said["lock"])
    assert said["audit"] == "underpowered"
    assert said["card"] is True
    assert said["weights"] == ["model.safetensors"]
    out = here.path / "out"
    assert is_signed(json.loads((out / "evidence" / "training.json").read_bytes()))
    assert json.loads((out / "evidence" / "audit-model.json").read_bytes())["verdict"] == "underpowered"
    assert "epsilon" in (out / "README.md").read_text()
    assert out.stat().st_mode & 0o777 == 0o700
    new = here.files() - before
    assert {name.split("/")[0] for name in new} <= {
        "out", "out-canaries.jsonl", "privet-ledger.json", ".privet-ledger.json.lock", "state"
    }  # fmt: skip
    for name in new:
        content = (here.path / name).read_bytes()
        assert b"jane" not in content.lower()
        assert b"C-1" not in content
        assert str(here.path).encode() not in content
    assert "jane" not in done.stdout.lower()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace("steps", "step"), "run.toml:8: unknown key step in [train]"),
        (lambda text: text, "run.toml:3: the model base does not exist"),
    ],
)
def test_bad_input_is_one_error_with_its_line(
    here: Here, capsys: pytest.CaptureFixture[str], spoil: Callable[[str], str], said: str
) -> None:
    config = here.path / "run.toml"
    config.write_text(spoil(CONFIG))
    before = here.files()
    assert main(["train", str(config)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == f"privet train: {said}"
    assert len(shown.err.splitlines()) == 2
    assert here.files() == before


@pytest.mark.parametrize("words", [[], ["run.toml", "--demo"], ["run.toml", "-o", "out"]])
def test_words_that_do_not_go_together(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words]) == 2
    assert capsys.readouterr().err.startswith("privet train: ")


def _model_in_name(here: Here) -> None:
    (here.path / "base").mkdir()
    (here.path / "base" / "config.json").write_text("{}")
    (here.path / "base" / "model.safetensors").touch()


def test_more_epsilon_than_the_policy_lets_is_refused_before_anything_is_read(here: Here) -> None:
    _model_in_name(here)
    (here.path / "privet.toml").write_text("[train]\nmax_epsilon = 3\n")
    before = here.files()
    done = here.run(PRIVET, "train", "run.toml", code=2)
    assert "epsilon 8 is above the policy's 3" in done.stderr
    assert here.files() == before


def test_where_the_lock_cannot_be_had_nothing_starts(here: Here) -> None:
    _model_in_name(here)
    before = here.files()
    opened = (
        "import socket, sys; held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); held.bind(('0.0.0.0', 0)); "
        "from privet.cli import main; sys.exit(main(['train', 'run.toml']))"
    )
    done = here.run(sys.executable, "-c", opened, code=3)
    assert done.stderr.startswith("privet train: ")
    assert len(done.stderr.splitlines()) == 2
    assert here.files() == before


def test_under_privet_run_it_is_held_from_outside(here: Here) -> None:
    words = "from privet.cli.train import _locked; print(_locked())"
    done = here.run(PRIVET, "run", "--", sys.executable, "-c", words)
    assert done.stdout == "('held from outside',)\n"


def test_what_it_loads_keeps_data_at_home(here: Here) -> None:
    words = "from privet.cli.train import _at_home; _at_home(); import json, os; print(json.dumps(dict(os.environ)))"
    found = json.loads(here.run(sys.executable, "-c", words).stdout)
    assert found["HF_HUB_OFFLINE"] == "1"
    assert "HF_TOKEN" not in found
    assert found["HOME"] == str(here.path / "home")


def test_a_data_file_without_the_column_is_said_and_nothing_is_left(here: Here) -> None:
    pytest.importorskip("torch")
    _model_in_name(here)
    (here.path / "tickets.jsonl").write_text('{"text": "a", "customer": 1}\n{"text": "b"}\n')
    before = here.files()
    done = here.run(PRIVET, "train", "run.toml", code=2)
    assert "tickets.jsonl:2: no column customer, which run.toml:6 names" in done.stderr
    assert here.files() - before <= {name for name in here.files() if name.startswith("state/")}
    assert not [name for name in os.listdir(here.path) if name.startswith(".out-")]  # noqa: PTH208 (names alone)
