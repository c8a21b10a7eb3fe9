"""`privet vault` as a user runs it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from privet.cli import main
from privet.cli.vault_input import PASSAGE_CHARS, Names, items
from privet.errors import BadInput
from privet.vault import Vault

SUBJECT = "Ada Example"
ROWS = [
    {"id": "a", "text": "How to reset a forgotten password", "lang": "en", "patient": SUBJECT},
    {"id": "b", "text": "Opening hours of the clinic at weekends", "lang": "en", "patient": "p-2"},
    {"id": "c", "text": "Recipes for soup with lentils", "lang": "de", "patient": None},
]

NOT_ADDING = (
    ("info",), ("search", "[1, 0, 0]", "--vector"), ("get", "a"), ("verify",),
    ("delete", "a"), ("forget", "p-2"), ("rotate",), ("compact",),
)  # fmt: skip

Run = Callable[..., tuple[str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run one action on a vault with the default key folder; return what it printed and told."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    hardened: list[bool] = []
    # The real one is for a whole process and for good: it has a test of its own below.
    monkeypatch.setattr("privet.cli.vault.harden", lambda: hardened.append(True))

    def done(action: str, *words: object, code: int = 0, given: bytes = b"") -> tuple[str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        hardened.clear()
        assert main(["vault", action, str(tmp_path / "vault"), *map(str, words)]) == code, capfd.readouterr()
        assert hardened
        found = capfd.readouterr()
        assert SUBJECT not in found.out + found.err or action in {"get", "search"}
        return found.out, found.err

    return done


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Rows with vectors in plain directions."""
    path = tmp_path / "rows.jsonl"
    rows = [{**row, "vector": [float(number == at) for at in range(3)]} for number, row in enumerate(ROWS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def filled(run: Run, table: Path) -> Run:
    run("add", table, "--vector", "vector", "--subject", "patient")
    return run


def test_texts_are_embedded_found_and_filtered(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    out, err = run("add", path, "--subject", "patient")
    assert out == "3 records added, 0 were there already; the vault holds 3\n"
    assert err == "privet vault: 1 record has no subject: forget does not reach it\n"
    out, _ = run("search", "I do not remember my login", "-k", 1, "--json")
    (hit,) = json.loads(out)
    assert (hit["id"], hit["document"], hit["metadata"]) == ("a", ROWS[0]["text"], {"lang": "en"})
    assert 0.2 < hit["score"] < 1
    out, _ = run("search", "-", "--where", '{"lang": "de"}', given=b"something to eat\n")
    assert out.split()[1:] == ["c", *str(ROWS[2]["text"]).split(), '{"lang":', '"de"}']
    out, err = run("add", path, "--subject", "patient", "--json")
    assert json.loads(out) == {
        "added": 0, "skipped": 3, "twice": 0, "cut": 0, "nobodys": 0, "unreached": 0, "records": 3,
    }  # fmt: skip


@pytest.mark.usefixtures("filled")
def test_no_process_can_look_into_the_one_that_reads(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom privet.cli import main\nfrom privet.hardening import is_hardened\n"
        "assert not is_hardened()\nprint(main(sys.argv[1:]), is_hardened())"
    )
    command = [sys.executable, "-c", code, "vault", "info", str(tmp_path / "vault"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "0 True"


def test_a_text_that_the_model_does_not_read_to_its_end_is_told(run: Run) -> None:
    rows = json.dumps({"text": "many words " * 300}).encode()
    _, err = run("add", "-", given=rows)
    assert "1 text is longer than the model reads" in err


def test_a_subject_is_forgotten_and_a_second_time_there_is_nobody(filled: Run) -> None:
    out, _ = filled("forget", "-", given=f"{SUBJECT}\n".encode())
    assert out.startswith("1 record forgotten")
    out, err = filled("forget", SUBJECT, code=1)
    assert (out, err) == ("", "privet vault: no record is of this subject\n")
    assert json.loads(filled("info", "--json")[0])["records"] == 2


def test_records_are_got_and_deleted_by_id(filled: Run) -> None:
    out, err = filled("get", "a", "nobody", "--json", code=1)
    assert json.loads(out) == {"id": "a", "vector": [1, 0, 0], "document": ROWS[0]["text"], "metadata": {"lang": "en"}}
    assert err == "privet vault: 1 of 2 ids not there\n"
    assert filled("get", "b")[0].split("\n")[1].strip() == ROWS[1]["text"]
    assert filled("delete", "-", given=b"a\nb\na\n")[0].startswith("2 records deleted")
    assert filled("compact")[0].startswith("1 record written anew")
    assert filled("get", "c")[0].startswith("c\n")


def test_keys_are_rotated_bytes_verified_counts_told(filled: Run, tmp_path: Path) -> None:
    filled("rotate")
    assert filled("verify")[0] == "3 records are what was written\n"
    found = json.loads(filled("info", "--json")[0])
    assert (found["records"], found["subjects"], found["dimensions"]) == (3, 2, 3)
    assert "records      3\n" in filled("info")[0]
    assert (tmp_path / "state/privet/vault-keys").stat().st_mode & 0o777 == 0o700


def test_a_vector_is_searched_with(filled: Run) -> None:
    assert [hit["id"] for hit in json.loads(filled("search", "[0, 1, 0]", "--vector", "-k", 1, "--json")[0])] == ["b"]
    _, err = filled("search", "some text", code=2)
    assert "3 dimensions" in err
    for wrong in ("[0, 1", '["a"]', "{}", "[[1, 2], [3]]"):
        filled("search", wrong, "--vector", code=2)
    for where in ("lang = en", "[]", '{"lang": {"$near": 1}}'):
        filled("search", "[0, 1, 0]", "--vector", "--where", where, code=2)
    filled("search", "-", code=2, given=b"\n")
    filled("search", "-", code=2, given=b"\xff\xfe")


def test_records_are_replaced_on_demand_and_the_first_of_two_is_taken(filled: Run) -> None:
    rows = [{"id": "a", "text": text, "vector": [0, 0, 1]} for text in ("newer", "newest")]
    given = "".join(json.dumps(row) + "\n" for row in rows).encode()
    out, err = filled("add", "-", "--vector", "vector", "--replace", given=given)
    assert out.startswith("1 record added")
    assert "1 id came more than once: the first was taken" in err
    assert json.loads(filled("get", "a", "--json")[0])["document"] == "newer"


def test_what_steers_a_terminal_is_not_printed(run: Run) -> None:
    row = {"id": "x\x1b[2J", "text": "a\x1b]0;title\x07b\n" + "long " * 100, "vector": [1]}
    run("add", "-", "--vector", "vector", given=json.dumps(row).encode())
    for out in (run("search", "[1]", "--vector")[0], run("get", "-", given=b"x\x1b[2J\n")[0]):
        assert "\x1b" not in out
        assert "\x07" not in out
        assert "…" in out


def test_a_flipped_byte_is_named(filled: Run, tmp_path: Path) -> None:
    largest = max(
        (path for path in (tmp_path / "vault").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    raw = bytearray(largest.read_bytes())
    raw[len(raw) // 2] ^= 1
    largest.write_bytes(raw)
    _, err = filled("verify", code=3)
    assert largest.name in err


def test_other_keys_open_nothing(filled: Run, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir(mode=0o700)
    filled("info", "--keys", tmp_path / "other", code=2)
    (tmp_path / "open").mkdir(mode=0o755)
    filled("info", "--keys", tmp_path / "open", code=3)


def test_a_command_gives_the_root_key(run: Run, table: Path, tmp_path: Path) -> None:
    words = ("--key-command", f"{sys.executable} -c 'print(\"ab\" * 32)'", "--keys", tmp_path / "keys")
    run("add", table, "--vector", "vector", *words)
    assert json.loads(run("info", "--json", *words)[0])["records"] == 3
    run("info", "--key-command", "'", "--keys", tmp_path / "keys", code=2)
    run("rotate", *words, code=3)


def test_a_keyring_that_is_none_is_said(run: Run, table: Path) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())
    try:
        _, err = run("add", table, "--vector", "vector", "--keyring", code=3)
    finally:
        keyring.set_keyring(before)
    assert "the keyring cannot be opened" in err


def test_tenants_are_apart(filled: Run, table: Path) -> None:
    filled("add", table, "--vector", "vector", "--tenant", "other")
    filled("delete", "a", "--tenant", "other")
    assert [json.loads(filled("info", "--json", *words)[0])["records"] for words in ((), ("--tenant", "other"))] == [
        3,
        2,
    ]
    filled("forget", SUBJECT, "--tenant", "other", code=1)


def test_older_data_is_refused_and_accepted_on_demand(filled: Run, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "vault", tmp_path / "backup")
    filled("forget", SUBJECT)
    filled("delete", "b")
    shutil.rmtree(tmp_path / "vault")
    (tmp_path / "backup").rename(tmp_path / "vault")
    assert "older" in filled("verify", code=3)[1]
    assert json.loads(filled("info", "--accept-older", "--json")[0])["records"] == 2
    assert filled("get", "a", "--accept-older", code=1)[0] == ""


def test_a_vault_that_is_not_there_is_not_made_by_reading(run: Run, tmp_path: Path) -> None:
    for action, *words in NOT_ADDING:
        assert "there is no vault in this folder" in run(action, *words, code=2)[1]
    assert not (tmp_path / "vault").exists()
    assert not (tmp_path / "state/privet/vault-keys").exists()


def test_a_tenant_that_is_not_there_is_not_made_but_by_adding(filled: Run, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for action, *words in NOT_ADDING:
        _, err = filled(action, *words, "--tenant", "mistyped", code=2)
        assert "nothing of this tenant" in err
        assert "--tenant" in err
    assert sorted(tmp_path.rglob("*")) == before


def test_keys_that_are_not_there_are_not_made(filled: Run, tmp_path: Path) -> None:
    for action, *words in NOT_ADDING:
        assert "has no key file" in filled(action, *words, "--keys", tmp_path / "wrong", code=2)[1]
    assert not (tmp_path / "wrong").exists()


def test_what_is_deleted_twice_is_not_there(filled: Run) -> None:
    filled("delete", "a")
    assert filled("delete", "a", code=1) == ("", "privet vault: 1 of 1 id not there\n")
    out, err = filled("delete", "a", "b", code=1)
    assert out.startswith("1 record deleted;")
    assert err == "privet vault: 1 of 2 ids not there\n"
    assert json.loads(filled("delete", "a", "--json", code=1)[0]) == {"deleted": 0}


def test_a_subject_that_was_left_out_is_told_when_it_is_given(run: Run, table: Path) -> None:
    run("add", table, "--vector", "vector")
    _, err = run("add", table, "--vector", "vector", "--subject", "patient")
    assert err.startswith("privet vault: 2 records that were there are not of the subject given: forget does not reach")
    run("add", table, "--vector", "vector", "--subject", "patient", "--replace")
    assert run("add", table, "--vector", "vector", "--subject", "patient")[1] == ""
    assert run("forget", SUBJECT)[0].startswith("1 record forgotten")


def test_messages_name_flags_not_arguments(filled: Run, table: Path, tmp_path: Path) -> None:
    words = ("--key-command", f"{sys.executable} -c 'print(\"ab\" * 32)'", "--keys", tmp_path / "own", "--tenant", "t")
    told = [filled("search", wrong, "--vector", code=2)[1] for wrong in ("[[1, 2, 3]]", "[]", "[NaN, 0, 0]")]
    with Vault.open(tmp_path / "vault", tmp_path / "state/privet/vault-keys"):
        told.append(filled("add", table, "--vector", "vector", code=2)[1])
        assert "search" in told[-1]
    shutil.copytree(tmp_path / "vault", tmp_path / "backup")
    filled("delete", "b")
    shutil.rmtree(tmp_path / "vault")
    (tmp_path / "backup").rename(tmp_path / "vault")
    told.append(filled("info", code=3)[1])
    assert "--accept-older opens this one" in told[-1]
    shutil.rmtree(tmp_path / "vault")
    filled("add", table, "--vector", "vector", *words)
    told.append(filled("rotate", *words, code=3)[1])
    assert "docs/vault.md" in told[-1]
    assert not any(word in text for text in told for word in ("=True", "keys=...", "[None", "shape"))


def test_a_bad_row_stops_and_the_same_command_goes_on(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    good = "".join(json.dumps({"id": str(n), "text": "t", "vector": [1, n]}) + "\n" for n in range(1000))
    path.write_text(good + "{broken secret\n")
    _, err = run("add", path, "--vector", "vector", code=2)
    assert f"{path}, line 1001 is not a JSON object" in err
    assert "1,000 records are in; the same command goes on" in err
    assert "secret" not in err
    path.write_text(good + '{"id": "x", "text": "t", "vector": [0, 1]}\n')
    assert run("add", path, "--vector", "vector")[0] == (
        "1 record added, 1,000 were there already; the vault holds 1,001\n"
    )


def test_a_killed_import_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        for number in range(20_000):
            file.write(json.dumps({"text": f"text {number}", "vector": [1, number, 2, 3]}) + "\n")
    command = [
        str(Path(sys.executable).with_name("privet")), "vault", "add", str(tmp_path / "vault"), str(path),
        "--keys", str(tmp_path / "keys"), "--vector", "vector", "--json",
    ]  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for _ in _until(lambda: sum(each.stat().st_size for each in (tmp_path / "vault").rglob("*")) > 1e6):
        if process.poll() is not None:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with Vault.open(tmp_path / "vault", tmp_path / "keys", read_only=True) as vault:
        before = len(vault)
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=100)
    found = json.loads(done.stdout)
    assert found["records"] == 20_000
    # A batch may be whole on the disk and not acknowledged yet: a reader does not see it, and the next writer takes it.
    assert found["skipped"] in {before, before + 1000}
    assert 0 < before < 20_000


def _until(is_reached: Callable[[], bool]) -> Iterator[None]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if is_reached():
                return
        except OSError:
            pass  # a file has just been renamed
        yield


def written(tmp_path: Path, name: str, rows: list[dict[str, Any]]) -> str:
    path = tmp_path / name
    if name.startswith(("rows.csv", "rows.tsv")):
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), delimiter="\t" if "tsv" in name else ";")
        writer.writeheader()
        writer.writerows(rows)
        raw = text.getvalue().encode("utf-8-sig")
    elif name.endswith("parquet"):
        pa.parquet.write_table(pa.Table.from_pylist(rows), path)
        return str(path)
    else:
        raw = "".join(json.dumps(row) + "\n\n" for row in rows).encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return str(path)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.csv", "rows.tsv", "rows.csv.gz", "rows.parquet"])
def test_rows_are_read_from_every_format(tmp_path: Path, name: str) -> None:
    rows = [
        {"key": "1", "body": 'said "so";\nand\u2028more, ü\tx', "owner": "p", "lang": "en"},
        {"key": "2", "body": "two", "owner": "", "lang": "007"},
    ]
    found = list(items(written(tmp_path, name, rows), Names("body", "key", "owner")))
    assert [item.id for item in found] == ["1", "2"]
    assert [item.text for item in found] == [row["body"] for row in rows]
    assert [item.subject for item in found] == ["p", None]
    assert [item.metadata for item in found] == [{"lang": "en"}, {"lang": "007"}]
    assert found[-1].done_bytes > 0
    # Ids that are made from the content are the same every time, and differ with what they are made from.
    ids = [[item.id for item in items(str(tmp_path / name), Names("body", None, owner))] for owner in ("owner", "lang")]
    assert len({*ids[0], *ids[1]}) == 4
    (only,) = {tuple(item.metadata) for item in items(str(tmp_path / name), Names("body", metadata=("key",)))}
    assert only == ("key",)


def test_vectors_are_read_from_every_format(tmp_path: Path) -> None:
    for name, vector in (("rows.jsonl", [1, 2.5]), ("rows.csv", "[1, 2.5]"), ("rows.parquet", [1.0, 2.5])):
        path = written(tmp_path, name, [{"v": vector, "n": 1}])
        assert [item.vector for item in items(path, Names(vector="v"))] == [[1, 2.5]]


def test_what_parquet_holds_becomes_what_json_has(tmp_path: Path) -> None:
    day = np.datetime64("2020-01-02").astype(object)
    row = {"text": "t", "day": day, "raw": b"\0", "list": [1, 2.5], "whole": 2.0, "large": 2**62, "none": float("nan")}
    (item,) = items(written(tmp_path, "rows.parquet", [row]), Names())
    assert item.metadata == {
        "day": "2020-01-02", "raw": "AA==", "list": [1, 2.5], "whole": 2.0, "large": 2**62, "none": None,
    }  # fmt: skip


def test_a_text_is_read_in_passages(tmp_path: Path) -> None:
    long = " ".join(f"This is sentence number {number} of some length." for number in range(80))
    path = tmp_path / "notes.md"
    path.write_text(
        f"# One\n\nshort\nlines\n\nmore\n\n# Two\n\n{long}\n\n{'x' * 1000}{'y' * 1000}zzz\n", encoding="utf-8"
    )
    found = list(items(str(path), Names()))
    assert found[0].text == "# One\n\nshort\nlines\n\nmore"
    assert found[0].metadata == {"file": str(path), "passage": 1}
    texts = [str(item.text) for item in found]
    assert texts[1].startswith("# Two\n\nThis is")
    assert all(len(text) <= PASSAGE_CHARS for text in texts)
    assert all(text.endswith(".") for text in texts[1:4])
    assert "".join("".join(texts).split()) == "".join(path.read_text().split())
    assert len({item.id for item in found}) == len(found)
    # A passage keeps its id when another one comes before it.
    path.write_text("# Zero\n\nnew\n\n" + path.read_text())
    assert [item.id for item in items(str(path), Names())][1:] == [item.id for item in found]
    with pytest.raises(BadInput, match="no columns"):
        list(items(str(path), Names(subject="patient")))


@pytest.mark.parametrize(
    ("name", "content", "names", "message"),
    [
        ("r.jsonl", b'{"text": 1}', Names(), "line 1 has in text what is no text"),
        ("r.jsonl", b'{"text": null}', Names(), "line 1 has no text"),
        ("r.jsonl", b'{"text": "x"}', Names(metadata=("lang",)), "line 1 has no lang"),
        ("r.csv", b"text,a\nx,y\n", Names(metadata=("a", "lang")), "line 2 has no lang"),
        ("r.jsonl", b'{"text": "x", "v": []}', Names(vector="v"), "has no vector"),
        ("r.jsonl", b'\n{"a": "x"}', Names(), "line 2 has no text"),
        ("r.jsonl", b'{"text": "x"}', Names(subject="who"), "line 1 has no who"),
        ("r.jsonl", b'{"text": "x", "id": {}}', Names(), "neither text nor a whole number"),
        ("r.jsonl", b'{"text": "x", "n": ""}', Names(id="n"), "has no id"),
        ("r.jsonl", b'{"text": "x", "v": [1, "a"]}', Names(vector="v"), "has no vector"),
        ("r.jsonl", b'["text"]', Names(), "line 1 is not a JSON object"),
        ("r.jsonl", b'{"text": "\xff"}', Names(), "line 1 is not a JSON object"),
        ("r.csv", b"text,a\nx\n", Names(), "line 2 has 1 cells, and the header 2"),
        ("r.csv", b"a,a\nx,y\n", Names(), "two columns"),
        ("r.csv", b"text,a\n\xff,y\n", Names(), "not UTF-8"),
        ("r.txt", b"\xff", Names(), "not UTF-8"),
        ("r.parquet", b"PAR1 no", Names(), "cannot be read as Parquet"),
        ("r.txt.gz", b"no gzip", Names(), "no whole gzip"),
        ("r.jsonl.gz", gzip.compress(b'{"text": "x"}\n' * 99)[:-9], Names(), "no whole gzip"),
    ],
)
def test_bad_input_is_named_and_not_shown(
    tmp_path: Path, name: str, content: bytes, names: Names, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=message) as caught:
        list(items(str(path), names))
    assert str(caught.value).startswith(str(path)) or "columns of" in str(caught.value)


def test_files_that_cannot_be_read_are_refused_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("missing.jsonl", "folder.csv", "picture.png"):
        run("add", tmp_path / name, code=2)
    assert not (tmp_path / "vault").exists()
