"""What is missing is said with the extra that brings it."""

from __future__ import annotations

import pytest

from privet.cli.extras import needing
from privet.errors import BadInput, Unprotected


@pytest.mark.parametrize(("failure", "code"), [(BadInput, 2), (Unprotected, 3)])
def test_a_missing_package_is_named_with_its_extra(failure: type[BadInput], code: int) -> None:
    with (
        pytest.raises(failure, match="privet scrub needs the package no_such_package") as caught,
        needing("scrub", "scrub", failure),
    ):
        import no_such_package  # type: ignore[import-not-found] # noqa: F401
    assert caught.value.hint == "pip install 'privet[scrub]'"
    assert caught.value.exit_code == code


def test_nothing_is_said_where_nothing_is_missing() -> None:
    with needing("scrub", "scrub"):
        pass
