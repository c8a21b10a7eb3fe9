"""The tree of errors: exit codes, and what `str` says."""

from __future__ import annotations

import pytest

from privet import errors
from privet.egress.guard import OutsideConnection


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (errors.PrivetError, 2),
        (errors.BadInput, 2),
        (errors.PolicyInvalid, 2),
        (errors.Unprotected, 3),
        (OutsideConnection, 3),
        (errors.EngineFailed, 2),
        (errors.UpstreamFailed, 2),
    ],
)
def test_every_error_is_a_privet_error_with_its_exit_code(kind: type[errors.PrivetError], exit_code: int) -> None:
    assert issubclass(kind, errors.PrivetError)
    assert kind("what was found").exit_code == exit_code


def test_the_hint_follows_the_message() -> None:
    error = errors.BadInput("what was found", hint="what to do")
    assert (error.message, error.hint, str(error)) == ("what was found", "what to do", "what was found; what to do")
    assert str(errors.BadInput("what was found")) == "what was found"


def test_the_tree_in_the_docstring_names_every_error() -> None:
    defined = [name for name, value in vars(errors).items() if isinstance(value, type)]
    assert [name for name in defined if name not in (errors.__doc__ or "")] == []
