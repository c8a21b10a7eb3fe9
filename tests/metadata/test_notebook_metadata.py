"""What a notebook may say about its kernel."""

from __future__ import annotations

import pytest

from privet.metadata.notebook_metadata import is_word, kernel, short, sizes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},) * 2,
        ({"name": "ir", "display_name": "R", "language": "R"},) * 2,
        ({"name": "julia-1.10", "display_name": "Julia 1.10.2"},) * 2,
        (
            {"name": "my-env", "display_name": "My env", "language": "python", "x": 1},
            {"name": "python3", "display_name": "Python 3", "language": "python"},
        ),
        ({"name": "my", "display_name": 3, "language": "R"}, {"name": "r", "display_name": "R", "language": "R"}),
        ({}, {}),
    ],
)
def test_kernels(old: dict[str, object], new: dict[str, object]) -> None:
    assert kernel(old) == new


def test_short_values_and_sizes() -> None:
    assert short({"name": "ipython", "version": 3, "x": "y"}) == {"name": "ipython", "version": 3}
    assert (short(".py"), short("a" * 50), short(1.5), short(["x"])) == (".py", "", None, None)
    assert sizes({"image/png": {"width": 1, "height": 2.5, "x": 3}, "needs_background": "light", "y": {}}) == {
        "image/png": {"width": 1, "height": 2.5}, "needs_background": "light",
    }  # fmt: skip
    assert sizes([]) == {}
    assert is_word("slide")
    assert not is_word("two words")
