"""Networks from packages: found without running them, and refused with a remedy where they are not there or broken."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from privet.metadata import picture_models
from privet.metadata.job import CannotClean
from privet.metadata.picture_models import Network

pytestmark = pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a package with a broken network, which must not be run."""
    folder = tmp_path / "carries_networks"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit\n")
    (folder / "broken.onnx").write_bytes(b"no network")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder.name


def test_a_file_of_a_package_is_found_and_its_code_is_not_run(package: str) -> None:
    found = picture_models.path(Network(package, "broken.onnx", "install it"))
    assert found is not None
    assert found.name == "broken.onnx"
    assert package not in sys.modules


@pytest.mark.parametrize("file", ["broken.onnx", "missing.onnx"])
def test_what_cannot_be_loaded_is_refused_with_the_remedy(package: str, file: str) -> None:
    with pytest.raises(CannotClean, match="install it"):
        picture_models.session(Network(package, file, "install it"))


def test_a_package_that_is_not_installed_has_no_file() -> None:
    assert picture_models.path(Network("no_such_package_here", "a.onnx", "install it")) is None
