"""Tables in a list of privet.toml: transforms. Own rules are in test_policy_file.py and detect/test_custom.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from privet.errors import PolicyInvalid
from privet.policy import DEFAULT, Policy, Transform, meet, weakened, with_value
from privet.policy_file import load_policy


def loaded(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "privet.toml"
    path.write_text(text)
    return load_policy(path, environment={}).policy


def test_transforms_are_read(tmp_path: Path) -> None:
    policy = loaded(
        tmp_path,
        """
[[scrub.transform]]
column = "age"
how = "generalise"
step = 10

[[scrub.transform]]
kind = "PERSON"
how = "pseudonym"
subject = "patient"
""",
    )
    assert policy.scrub.transform == {
        Transform("generalise", column="age", step=10),
        Transform("pseudonym", kind="PERSON", subject="patient"),
    }
    assert not weakened(DEFAULT, policy)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('how = "keep"\ncolumn = "a"', "how is missing or not known"),
        ('column = "a"', "how is missing or not known"),
        ('how = "label"', "neither a column nor a kind"),
        ('how = "label"\nkind = "person"', "kind is not a kind"),
        ('how = "remove"\nkind = "PERSONS"', "kind is not a kind"),
        ('how = "label"\ncolumn = "a"\nkind = "PERSONS"', "kind is not a kind"),
        ('how = "drop"\nkind = "PERSON"', "only a column can be dropped"),
        ('how = "generalise"\ncolumn = "a"', "do not fit"),
        ('how = "generalise"\ncolumn = "a"\nstep = 5\nto = "year"', "do not fit"),
        ('how = "label"\ncolumn = "a"\nstep = 5', "do not fit"),
        ('how = "generalise"\ncolumn = "a"\nto = "second"', "to is not a period"),
        ('how = "generalise"\ncolumn = "a"\nstep = 0.001', "step is too small"),
        ('how = "generalise"\ncolumn = "a"\nstep = 0', "step of a transform is not a number above 0"),
        ('how = "generalise"\ncolumn = "a"\nkeep_chars = 100', "keep_chars is too large"),
        ('how = "generalise"\ncolumn = "a"\nkeep_chars = 1.5', "keep_chars of a transform is not a whole number"),
        ('how = "label"\ncolumn = "a"\nsubject = "b"', "subject does not fit"),
        ('how = "label"\ncolum = "a"', "unknown key colum"),
        ('how = "label"\ncolumn = 3', "column of a transform is not a string"),
    ],
)
def test_a_transform_that_would_do_something_else_is_refused(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=says) as error:
        loaded(tmp_path, "[[scrub.transform]]\n" + body)
    assert "privet.toml:1" in str(error.value)
    assert error.value.hint


def test_two_transforms_of_one_column_are_refused(tmp_path: Path) -> None:
    block = '[[scrub.transform]]\ncolumn = "a"\nhow = "label"\n'
    with pytest.raises(PolicyInvalid, match=r"privet\.toml:4: two entries"):
        loaded(tmp_path, block + block)


def test_declared_columns_narrow_everything(tmp_path: Path) -> None:
    policy = loaded(tmp_path, '[scrub]\ncolumns = ["text", "label"]\n')
    assert policy.scrub.columns == {"text", "label"}
    assert not weakened(DEFAULT, policy)
    assert weakened(policy, DEFAULT) == ("scrub.columns",)
    other = with_value(DEFAULT, "scrub.columns", frozenset({"text", "id"}))
    assert meet(policy, other).scrub.columns == {"text"}


def test_what_scrubbing_guarantees_cannot_be_loosened(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match=r"scrub\.metadata cannot be loosened"):
        loaded(tmp_path, "[scrub]\nmetadata = true\n")
    with pytest.raises(PolicyInvalid, match="weaker than the value in force"):
        loaded(tmp_path, "[scrub]\nmin_group_rows = 2\n")


def test_a_transform_may_be_of_a_kind_that_the_file_itself_adds(tmp_path: Path) -> None:
    rule = '[[detect.rules]]\nid = "staff"\nkind = "STAFF_NUMBER"\npattern = "S[0-9]{6}"\n'
    transform = '[[scrub.transform]]\nkind = "STAFF_NUMBER"\nhow = "remove"\n'
    assert loaded(tmp_path, rule + transform).scrub.transform == {Transform("remove", kind="STAFF_NUMBER")}


def test_a_misspelled_kind_is_told_with_the_one_that_is_meant(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid) as error:
        loaded(tmp_path, '[[scrub.transform]]\nkind = "PERSONS"\nhow = "remove"\n')
    assert error.value.hint == "did you mean PERSON?"
