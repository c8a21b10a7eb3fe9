"""Exceptions by path and allowances on lines: which count, and for what."""

from __future__ import annotations

from datetime import date

import pytest

from privet.check.exceptions import Allowance, apply, known_to, of_lines, of_policy
from privet.check.scan import compare, scan, tree_of

TODAY = date(2026, 11, 25)
TEXT = 'reason="demo" expires=2027-01-31'


def exception(path: str, rule: str = "ollama-host") -> str:
    return f'[[exception]]\nrule = "{rule}"\npath = "{path}"\nreason = "demo"\nowner = "a@example.com"\nexpires = 2027-01-31\n'


@pytest.mark.parametrize(
    ("pattern", "paths", "others"),
    [
        ("a/b.env", ["a/b.env"], ["a/b.env.env", "x/a/b.env", "b.env"]),
        ("a/*.env", ["a/b.env", "a/.env"], ["a/c/b.env", "b.env"]),
        ("a/**", ["a/b.env", "a/c/d/b.env"], ["b/a/c.env", "ab.env"]),
        ("a/", ["a/b.env", "a/c/b.env"], ["ab/c.env", "b/a/c.env"]),
        ("**/b.env", ["b.env", "a/b.env", "a/c/b.env"], ["ab.env", "a/bb.env"]),
        ("a/**/b.env", ["a/b.env", "a/x/y/b.env"], ["a/bb.env", "ax/b.env"]),
        ("a?.env", ["ab.env"], ["a.env", "a/.env", "abc.env"]),
        ("a[b].env", ["a[b].env"], ["ab.env"]),
        ("a+(b).env", ["a+(b).env"], ["aab.env"]),
        ("*", ["a.env"], ["a/b.env"]),
    ],
)
def test_patterns(pattern: str, paths: list[str], others: list[str]) -> None:
    items = of_policy(exception(pattern), TODAY).items
    for path in (*paths, *others):
        findings = scan(tree_of({path: "OLLAMA_HOST=0.0.0.0\n"})).findings
        assert len(findings) == 1
        assert (apply(findings, items) == []) is (path in paths), path


def test_a_path_may_begin_at_the_top_as_shells_write_it() -> None:
    findings = scan(tree_of({"a.env": "OLLAMA_HOST=0.0.0.0\n"})).findings
    assert apply(findings, of_policy(exception("./a.env"), TODAY).items) == []


@pytest.mark.parametrize("path", ["/a.env", "b.env", "b/"])
def test_one_that_is_for_no_file_is_told(path: str) -> None:
    files = {"a.env": "OLLAMA_HOST=0.0.0.0\n", "privet.toml": f"{exception('./a.env')}\n{exception(path)}"}
    (note,) = scan(tree_of(files), today=TODAY).notes
    assert (note.path, note.line) == ("privet.toml", 8)
    assert "no file has its path" in note.message
    assert compare(tree_of(files), tree_of(files), today=TODAY).notes == (note,)
    # A part of the files says nothing of the others.
    assert scan(tree_of(files).part(lambda name: name == path), today=TODAY).notes == (note,)


def test_the_line_of_a_policy_that_cannot_be_read_is_told() -> None:
    text = f"{exception('a.env')}\n[[exception]]\nrule = 'serve.store'\nnonsense = 1\n"
    notes = scan(tree_of({"a.env": "", "privet.toml": text}), today=TODAY).notes
    assert [note.line for note in notes if "not a policy" in note.message] == [8]


def test_it_is_for_its_rule_alone_unless_it_names_every_one_of_a_folder() -> None:
    findings = scan(tree_of({"a/b.env": "OLLAMA_HOST=0.0.0.0\nOLLAMA_DEBUG=1\n"})).findings
    assert len(findings) == 2
    assert len(apply(findings, of_policy(exception("a/b.env"), TODAY).items)) == 1
    assert apply(findings, of_policy(exception("a/", "*"), TODAY).items) == []


def test_it_counts_to_the_end_of_its_last_day() -> None:
    assert of_policy(exception("a"), date(2027, 1, 31)).items
    over = of_policy("# first\n" + exception("a"), date(2027, 2, 1))
    assert over.items == ()
    (note,) = over.notes
    assert (note.line, note.message) == (2, "this [[exception]] does not count: it expired on 2027-01-31")


def test_those_for_settings_are_the_policy_s_own_matter() -> None:
    setting = '[[exception]]\nrule = "serve.store"\nvalue = true\n'
    assert of_policy(setting, TODAY) == of_policy(None, TODAY) == of_policy("", TODAY)
    assert "it has no path" in of_policy('[[exception]]\nrule = "*"\n', TODAY).notes[0].message
    assert "it has no path" in of_policy('[[exception]]\nrule = "ollama-host"\n', TODAY).notes[0].message


@pytest.mark.parametrize("text", ["exception = 1", "exception = [1]", "exception = 'a'", "x", "[" * 5000])
def test_a_broken_policy_allows_nothing(text: str) -> None:
    assert of_policy(text, TODAY).items == ()


@pytest.mark.parametrize(
    "comment",
    [
        f"# privet: allow ollama-host {TEXT}",
        f"// privet: allow ollama-host {TEXT}",
        f"-- privet: allow ollama-host {TEXT}",
        f"; privet:allow  ollama-host  {TEXT}",
        f"<!-- privet: allow ollama-host {TEXT} -->",
        "# privet: allow ollama-host expires='2027-01-31' reason='demo'",
        f"# privet: allow ollama-host owner=a@example.com {TEXT}",
    ],
)
def test_comments_of_every_kind(comment: str) -> None:
    assert [(item.rule, item.line) for item in of_lines("a", f"x = 1 {comment}\n", TODAY).items] == [("ollama-host", 1)]
    assert [(item.rule, item.line) for item in of_lines("a", f"{comment}\nx = 1\n", TODAY).items] == [
        ("ollama-host", 2)
    ]


def test_several_above_a_line_are_all_for_it() -> None:
    text = f"# privet: allow ollama-host {TEXT}\n  # privet: allow ollama-debug {TEXT}\nx = 1\n"
    assert [(item.rule, item.line) for item in of_lines("a", text, TODAY).items] == [
        ("ollama-host", 3),
        ("ollama-debug", 3),
    ]


def test_the_syntax_as_documented_is_no_allowance() -> None:
    assert of_lines("a.md", '`# privet: allow RULE reason="…" expires=DATE`\n', TODAY) == of_lines("a.md", "", TODAY)


def allowed(text: str) -> tuple[Allowance, ...]:
    return of_lines("a.env", text, TODAY).items


@pytest.mark.parametrize(
    ("after", "is_known"),
    [
        ("# new\n\nA = 2  # privet: allow ollama-host {t}\nB = 1\n", [True]),
        ("# privet: allow ollama-host {t}\nA = 1\nB = 1\n", [True]),
        ("A = 1\nB = 1  # privet: allow ollama-host {t}\n", [False]),
        ("A = 1  # privet: allow ollama-host {t}\nA = 2  # privet: allow ollama-host {t}\n", [False, False]),
        ("A = 1  # privet: allow ollama-debug {t}\n", [False]),
        ('A = 1  # privet: allow ollama-host reason="other" expires=2027-01-31\n', [False]),
        ('A = 1  # privet: allow ollama-host reason="demo" expires=2027-12-31\n', [False]),
    ],
)
def test_which_were_there_before(after: str, is_known: list[bool]) -> None:
    before = allowed(f"A = 1  # privet: allow ollama-host {TEXT}\nB = 1\n")
    assert [known_to(before)(item) for item in allowed(after.replace("{t}", TEXT))] == is_known


def test_an_allowance_holds_no_value() -> None:
    (item,) = allowed(f"TOKEN = s3cret  # privet: allow ollama-host {TEXT}\n")
    assert "s3cret" not in repr(item)


@pytest.mark.parametrize(
    ("rule", "said"),
    [("*", "a line names its rule"), ("ollama-host,ollama-debug", "for one rule"), ("ollama-host, a", "for one rule")],
)
def test_what_is_for_no_rule_or_several_is_told(rule: str, said: str) -> None:
    found = of_lines("a.env", f"OLLAMA_HOST=0.0.0.0 # privet: allow {rule} {TEXT}\n", TODAY)
    assert found.items == ()
    (note,) = found.notes
    assert said in note.message
