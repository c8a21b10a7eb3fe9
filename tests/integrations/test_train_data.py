"""What `privet train` trains on: rows that are read, cleaned, and each there once; canaries; tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from privet.audit.endpoint.given import read_canaries
from privet.errors import BadInput
from privet.integrations.train_canaries import MOST, as_lines, canaries
from privet.integrations.train_data import Examples, examples_of
from privet.integrations.train_demo import tickets
from privet.policy import DEFAULT, Policy, Transform, with_value
from privet.train_config import TrainConfig

Make = Callable[..., TrainConfig]
SAID: list[tuple[str, int, int]] = []
LONG = "the lamp in the hall went dark again after only two weeks and nobody knows why it did"


@pytest.fixture
def made(tmp_path: Path) -> Make:
    def make(content: str | bytes | list[Any], name: str = "rows.jsonl", **more: Any) -> TrainConfig:
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return TrainConfig(model=tmp_path, data=path, output=tmp_path / "out", tier="patterns", name="c.toml", **more)

    return make


def read(config: TrainConfig, policy: Policy = DEFAULT, key: bytes | None = None) -> Examples:
    SAID.clear()
    scratch = config.data.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    found = examples_of(config, policy, key, scratch, lambda *step: SAID.append(step))
    assert not list(scratch.iterdir())
    return found


def problem(config: TrainConfig, policy: Policy = DEFAULT) -> str:
    with pytest.raises(BadInput) as failed:
        read(config, policy)
    assert failed.value.hint
    return failed.value.message


def test_texts_are_scrubbed_and_copies_dropped(made: Make) -> None:
    config = made(
        [
            {"text": "write to jane@example.com", "n": 1},
            {"text": "write to max@example.com", "n": 2},
            {"text": LONG},
            {"text": LONG + " now"},
            {"text": "something else"},
            {"text": " "},
            {"text": None},
        ]
    )
    found = read(config)
    assert found.rows == ["write to [EMAIL_ADDRESS]", LONG, "something else"]
    assert found.subjects is None
    assert not found.chats
    assert found.name == "rows"
    assert found.done == {
        "scrub": {
            "tier": "patterns",
            "read": 7,
            "changed": 2,
            "empty": 2,
            "suppressed": 0,
            "written": 3,
            "found": {"EMAIL_ADDRESS": 2},
        },
        "dedup": {"duplicates": 1, "near_duplicates": 1},
    }
    assert SAID[-1] == ("scrub", 5, 5)


def test_conversations_keep_their_roles(made: Make) -> None:
    chat = [{"role": "user", "content": "I am jane@example.com"}, {"role": "assistant", "content": "Hello"}]
    found = read(made([{"messages": chat}]))
    assert found.chats
    assert found.rows == [
        [{"role": "user", "content": "I am [EMAIL_ADDRESS]"}, {"role": "assistant", "content": "Hello"}]
    ]


def test_subjects_are_numbers_and_spellings_of_one_are_one(made: Make) -> None:
    whose = ["Jane@example.com", " jane@example.com", 7, "7", None, "", "max"]
    found = read(made([{"text": f"row {at} {'x' * at}", "who": one} for at, one in enumerate(whose)], subject="who"))
    assert found.subjects == [0, 0, 1, 1, None, None, 2]
    assert all("jane" not in row.lower() for row in found.rows)


def test_the_policy_says_what_becomes_of_a_kind_and_of_a_column(made: Make) -> None:
    transform = frozenset({Transform("pseudonym", kind="EMAIL_ADDRESS", subject="who")})
    policy = with_value(DEFAULT, "scrub.transform", transform)
    config = made([{"text": "write to jane@example.com", "who": "a"}, {"text": "to jane@example.com", "who": "b"}])
    found = read(config, policy, bytes(32))
    assert "jane@example.com" not in str(found.rows)
    assert found.rows[0].split()[-1] != found.rows[1].split()[-1]
    with pytest.raises(BadInput, match="key"):
        read(config, policy)
    narrow = with_value(DEFAULT, "scrub.columns", frozenset({"who"}))
    assert problem(config, narrow) == "c.toml: the policy does not keep the column of texts"


def test_groups_of_other_columns_take_no_row_out(made: Make) -> None:
    policy = with_value(DEFAULT, "scrub.quasi_identifiers", frozenset({"age"}))
    assert len(read(made([{"text": "one text", "age": 3}, {"text": "another text", "age": 4}]), policy).rows) == 2


@pytest.mark.parametrize(("name", "delimiter"), [("t.csv", ","), ("t.tsv", "\t")])
def test_delimited_files(made: Make, name: str, delimiter: str) -> None:
    lines = [["who", "note"], ["a", '"one\nnote"'], [], ["b", "another"]]
    content = "\ufeff" + "\r\n".join(delimiter.join(cells) for cells in lines)
    found = read(made(content, name, text="note", subject="who"))
    assert found.rows == ["one\nnote", "another"]
    assert found.subjects == [0, 1]


def test_parquet(made: Make) -> None:
    config = made(b"", "t.parquet", subject="who")
    parquet.write_table(pa.table({"text": ["one text", None, "three texts"], "who": [1, 2, None]}), config.data)
    found = read(config)
    assert (found.rows, found.subjects) == (["one text", "three texts"], [0, None])
    config.data.write_bytes(b"PAR1 not really")
    assert problem(config) == "t.parquet cannot be read as Parquet"


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        ('{"text": "a"}\n{"text": \n', {}, "rows.jsonl:2: not a line of JSON"),
        ('{"text": "a"}\n\n["b"]\n', {}, "rows.jsonl:3: no JSON object"),
        ('{"note": "a"}\n', {}, "the data rows.jsonl has no column text and no column messages"),
        ('{"text": "a"}\n', {"text": "note"}, "rows.jsonl:1: no column note, which c.toml names"),
        ('{"text": "a", "who": 1}\n{"text": "b"}\n', {"subject": "who"}, "rows.jsonl:2: no column who, which c.toml names"),
        ('{"text": "a", "who": [1]}\n', {"subject": "who"}, "rows.jsonl:1: who is neither text nor number"),
        ('{"text": "a"}\n{"text": 3}\n', {}, "rows.jsonl:2: text is no text"),
        ('{"messages": "a"}\n', {}, "rows.jsonl:1: messages is no list of {role, content}"),
        ('{"messages": [{"role": "user"}]}\n', {}, "rows.jsonl:1: messages is no list of {role, content}"),
        ("", {}, "the data rows.jsonl holds no row with text"),
        ('{"text": ""}\n', {}, "the data rows.jsonl holds no row with text"),
        (b'{"text": "\xff"}\n', {}, "rows.jsonl:1: not a line of JSON"),
        ("text,n\na,1\nb\n", {"name": "t.csv"}, "t.csv:3: 1 cells, and the first line names 2 columns"),
        ('text\n"a\n', {"name": "t.csv"}, "t.csv:2: not to be read as a table"),
        (b"text\n\xff\n", {"name": "t.csv"}, "t.csv is not UTF-8"),
        ("a", {"name": "t.docx"}, "the data t.docx is of an unknown form"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_data_is_said_with_its_line(
    made: Make, content: str | bytes, more: dict[str, Any], said: str
) -> None:
    more = dict(more)
    name = more.pop("name", "rows.jsonl")
    assert said in problem(made(content, name, **more))


def test_a_row_of_which_a_transform_leaves_nothing_is_no_example(made: Make) -> None:
    policy = with_value(DEFAULT, "scrub.transform", frozenset({Transform("remove", column="text")}))
    assert "no row of the data is left" in problem(made([{"text": "some text"}]), policy)


def test_a_name_of_somebody_in_the_name_of_the_file_goes_nowhere(made: Make) -> None:
    config = made([{"text": "some text"}], "jane.doe@example.com.jsonl")
    assert "jane" not in read(config).name


def test_canaries_differ_and_half_are_members(tmp_path: Path) -> None:
    found = canaries(200)
    assert len({one.prompt for one in found}) == len({one.secret for one in found}) == 400
    assert sum(one.member for one in found) == 200
    # 400 in chance order: that the first 30 are all alike has a probability below 1e-8.
    assert len({one.member for one in found[:30]}) == 2
    path = tmp_path / "c.jsonl"
    path.write_bytes(as_lines(found))
    assert [(one.prompt, one.secret, one.member) for one in read_canaries(path)] == [
        (one.prompt, one.secret, one.member) for one in found
    ]
    assert found[0].text == f"{found[0].prompt} {found[0].secret}"
    assert found[0].secret not in repr(found[0])
    assert canaries(0) == []
    with pytest.raises(BadInput, match="at most"):
        canaries(MOST + 1)


def test_the_tickets_of_the_demonstration_are_reserved_and_come_out_clean(made: Make) -> None:
    rows = tickets()
    assert rows == tickets()
    for row in rows:
        reach = row["text"].split()[-1]
        assert reach.endswith("@example.com") or reach.startswith(("202-555-01", "192.0.2."))
    found = read(replace(made(rows, "tickets.jsonl", text="text", subject="customer"), tier="names"))
    assert found.done["scrub"]["changed"] == len(rows)
    assert found.done["dedup"]["duplicates"] >= 12
    assert found.subjects is not None
    assert len(set(found.subjects)) > 100
    assert not any(" Doe" in row or "@" in row or "555" in row for row in found.rows)
