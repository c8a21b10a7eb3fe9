from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.check.facts import Space
from privet.check.flags import flags_of
from privet.check.words import split


def words(text: str) -> list[list[str | None]]:
    return [[word.value for word in command.words] for command in split(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vllm serve model --port 8000", [["vllm", "serve", "model", "--port", "8000"]]),
        ("a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]),
        ("a \\\n  b", [["a", "b"]]),
        ("a # b\nc", [["a"], ["c"]]),
        ("a#b", [["a#b"]]),
        ("a && b || c; d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("if a; then b; fi", [["a"], ["b"]]),
        ("exec a > log 2>&1 < in", [["a"]]),
        ("cat <<EOF\nexport X=1\nEOF\nb", [["cat"], ["b"]]),
        ('a $HOST ${PORT:-80} `b` $(c d) "$e f"', [["a", None, "80", None, None, None]]),
        ("HOST=::1\na $HOST ${HOST}", [["a", "::1", "::1"]]),
        ("a '--x=[\"*\"]'", [["a", '--x=["*"]']]),
        ("a 'b", [["a", "b"]]),
        ("", []),
        ("# only a comment", []),
    ],
)
def test_words_are_those_that_a_shell_makes(text: str, expected: list[list[str | None]]) -> None:
    assert [command for command in words(text) if command] == expected


def test_variables_before_a_command_and_of_env_and_export_are_assignments() -> None:
    found = split("A=1 env -u Z B='2 3' c\nexport D=4 E=\"5\"\nF=$(x)")
    pairs = [(name, word.value) for command in found for name, word in command.assignments]
    assert pairs == [("A", "1"), ("B", "2 3"), ("D", "4"), ("E", "5"), ("F", None)]
    assert found[0].texts() == ["c"]


def test_a_failure_that_is_ignored_is_seen() -> None:
    assert [command.ignored for command in split("a || true\nb || exit 1\nc")] == [True, False, False, False, False]


def test_flags_have_their_values() -> None:
    (command,) = split("x --a=1 --b 2 --c --d -1 -v serve more")
    facts = flags_of(command.words[1:], "p")
    assert {fact.name: fact.value for fact in facts} == {
        "--a": "1",
        "--b": "2",
        "--c": "present",
        "--d": "-1",
        "-v": "serve",
        "more": "present",
    }
    assert all(fact.space is Space.FLAG for fact in facts)


@given(st.text(alphabet=st.sampled_from("ab =-'\"\\$`{}()|&;<>#\n\t1:é😀E")))
def test_any_text_is_read_and_every_word_stands_where_it_says(text: str) -> None:
    for command in split(text, 7):
        for word in command.words:
            assert 7 <= word.start < word.end <= len(text) + 7
            if word.value and word.value.isalpha():
                assert word.value[0] in text[word.start - 7 : word.end - 7] or "$" in text


@pytest.mark.parametrize(
    ("text", "ignored", "piped"),
    [
        ("set +e\ncheck\nexit 0", True, False),
        ("set +e\ncheck", False, False),
        ("set +e\ncheck\nset -e", True, False),
        ("set +e\ncheck\ncode=$?\nexit $code", False, False),
        ("check | tee a", False, True),
        ("set -o pipefail\ncheck | tee a", False, False),
        ("check || exit 0", True, False),
    ],
)
def test_whether_a_failure_counts(text: str, ignored: bool, piped: bool) -> None:
    (command,) = [command for command in split(text) if command.texts() == ["check"]]
    assert (command.ignored, command.piped) == (ignored, piped)
