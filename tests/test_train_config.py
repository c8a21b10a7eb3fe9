"""The file of `privet train`: keys, lines, paths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from privet.errors import BadInput
from privet.train_config import KEYS, check_paths, config_table, read_config

ROOT = Path(__file__).parents[1]
LEAST = '[model]\npath = "m"\n[data]\npath = "d.jsonl"\n[output]\npath = "out"\n'


def config(folder: Path, text: str = LEAST) -> Path:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def model(folder: Path) -> Path:
    path = folder / "m"
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(b"")
    return path


def test_paths_are_relative_to_the_file_and_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    read = read_config(config(tmp_path))
    assert (read.model, read.data, read.output) == (tmp_path / "m", tmp_path / "d.jsonl", tmp_path / "out")
    assert read.ledger == tmp_path / "privet-ledger.json"
    assert (read.epsilon, read.delta, read.method, read.merge, read.canaries) == (8.0, None, "lora", True, 0)
    assert (read.batch_size, read.micro_batch_size, read.steps, read.epochs) == (32, 8, None, 3.0)
    assert read.canary_file == tmp_path / "out-canaries.jsonl"


def test_a_home_folder_is_followed_and_absolute_paths_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text = LEAST.replace('"m"', '"~/models/m"').replace('"out"', '"/srv/out"')
    read = read_config(config(tmp_path, text))
    assert read.model == tmp_path / "home" / "models" / "m"
    assert read.output == Path("/srv/out")


@pytest.mark.parametrize(
    ("batch", "micro", "expected"), [(32, None, 8), (6, None, 6), (50, None, 5), (53, None, 1), (32, 4, 4)]
)
def test_batches_are_computed_in_equal_parts(tmp_path: Path, batch: int, micro: int | None, expected: int) -> None:
    more = f"[train]\nbatch_size = {batch}\n" + (f"micro_batch_size = {micro}\n" if micro else "")
    read = read_config(config(tmp_path, LEAST + more))
    assert (read.batch_size, read.micro_batch_size) == (batch, expected)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (LEAST + "[train]\nsteps = 3\nbach_size = 4\n", 9, "did you mean batch_size?"),
        (LEAST + "[trian]\nsteps = 3\n", 7, "did you mean train?"),
        ("epsilon = 3\n" + LEAST, 1, "unknown table [epsilon]"),
        (LEAST + "[privacy]\n\nepsilon = 0\n", 9, "a number above 0"),
        (LEAST + "[privacy]\nepsilon = inf\n", 8, "a number above 0"),
        (LEAST + "[privacy]\nepsilon = true\n", 8, "a number above 0"),
        (LEAST + "[privacy]\nmethod = 'qlora'\n", 8, "one of lora, full"),
        (LEAST + "[train]\nsteps = 2.5\n", 8, "a whole number of at least 1"),
        (LEAST + "[train]\nsteps = 0\n", 8, "a whole number of at least 1"),
        (LEAST + "[train]\nsteps = 2\nepochs = 1\n", 9, "train.steps and train.epochs are both there"),
        (LEAST + "[train]\nbatch_size = 6\nmicro_batch_size = 4\n", 9, "no multiple of 4"),
        (LEAST + "[canaries]\ncount = -1\n", 8, "a whole number of at least 0"),
        (LEAST.replace('d.jsonl"\n', 'd.jsonl"\ntext = "a"\nmessages = "b"\n'), 6, "data.text and data.messages"),
        (LEAST.replace('path = "out"', "merge = 1"), 6, "true or false"),
        (LEAST.replace('path = "out"\n', ""), 5, "[output] has no path"),
        (LEAST.replace('[model]\npath = "m"\n', ""), 1, "[model] has no path"),
        (LEAST.replace('"m"', "7"), 2, "a text in quotes"),
        (LEAST.replace('"m"', '""'), 2, "a text in quotes"),
        (LEAST + "[train]\nsteps = \n", 8, "not valid TOML"),
        (LEAST + "x = [[[", 7, "not valid TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(BadInput) as failed:
        read_config(config(tmp_path, text))
    assert failed.value.message.startswith(f"run.toml:{line}: ")
    assert said in str(failed.value)
    assert failed.value.hint


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="UTF-8"):
        read_config(tmp_path / "bytes.toml")


def test_what_is_named_has_to_be_there_and_the_output_must_be_free(tmp_path: Path) -> None:
    read = read_config(config(tmp_path, LEAST + "[canaries]\ncount = 2\n"))

    def problem() -> str:
        with pytest.raises(BadInput) as failed:
            check_paths(read)
        return failed.value.message

    assert problem() == "run.toml:2: the model m does not exist"
    folder = model(tmp_path)
    (folder / "config.json").rename(folder / "other.json")
    assert problem() == "run.toml:2: the model m holds no config.json with safetensors"
    (folder / "other.json").rename(folder / "config.json")
    assert problem() == "run.toml:4: the data d.jsonl does not exist"
    (tmp_path / "d.jsonl").write_text("{}")
    check_paths(read)
    (tmp_path / "out").mkdir()
    check_paths(read)
    (tmp_path / "out" / "left").touch()
    assert problem() == "run.toml:6: the output out is there already"
    (tmp_path / "out" / "left").unlink()
    read.canary_file.touch()
    assert "out-canaries.jsonl is there already" in problem()


def test_pickled_weights_and_other_files_are_no_models(tmp_path: Path) -> None:
    read = read_config(config(tmp_path))
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("{}")
    (tmp_path / "m" / "pytorch_model.bin").touch()
    with pytest.raises(BadInput, match="with safetensors"):
        check_paths(read)
    file = read_config(config(tmp_path, LEAST.replace('"m"', '"run.toml"')))
    with pytest.raises(BadInput, match="no GGUF file"):
        check_paths(file)


def test_folders_that_have_to_be_there_are_named(tmp_path: Path) -> None:
    model(tmp_path)
    (tmp_path / "d.jsonl").write_text("{}")
    with pytest.raises(BadInput, match=r"run.toml:8: the ledger's folder"):
        check_paths(read_config(config(tmp_path, LEAST + '[privacy]\nledger = "no/ledger.json"\n')))
    with pytest.raises(BadInput, match=r"run.toml:6: the folder that the output goes into"):
        check_paths(read_config(config(tmp_path, LEAST.replace('"out"', '"no/out"'))))


def test_the_page_lists_every_key() -> None:
    page = (ROOT / "docs" / "train-config.md").read_text(encoding="utf-8")
    written = re.search(r"<!-- generated: train-config -->\n(.*?)<!-- end -->", page, re.DOTALL)
    assert written is not None
    assert written[1] == config_table()
    assert all(f"| `{key}` |" in written[1] for key in KEYS)


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "train").glob("*.toml")), ids=lambda path: path.stem)
def test_examples_can_be_read(path: Path) -> None:
    read = read_config(path)
    assert read.data.parent == path.parent
    assert read.subject is not None
