"""GLiNER from a local folder only: refusals, labels to kinds, long texts."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from privet.detect import Detector
from privet.errors import BadInput, Unprotected
from privet.integrations.gliner import LABELS, GlinerTier
from privet.records import KINDS


class Model:
    """What GLiNER gives for a text, for one name; and it reads 1,500 characters at most, as a real one reads 384 words."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], float]] = []

    def predict_entities(self, text: str, labels: list[str], threshold: float) -> list[dict[str, Any]]:
        self.asked.append((labels, threshold))
        place = text[:1500].find("Zora")
        found = [{"start": place, "end": place + 4, "label": "person", "score": 0.777, "text": "Zora"}]
        return [*found, {**found[0], "label": "never asked for"}] if place >= 0 else []


@pytest.mark.parametrize("name", ["urchade/gliner_multi", "no such folder", ""])
def test_what_is_no_folder_is_not_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    loaded: list[Path] = []
    if name:
        with pytest.raises(BadInput, match="expected a folder") as caught:
            GlinerTier(name, load=lambda path: loaded.append(path) or Model())  # type: ignore[func-returns-value]
        assert "not looked up" in caught.value.hint
    (tmp_path / "weights.bin").touch()
    with pytest.raises(BadInput, match="expected a folder"):
        GlinerTier(tmp_path / "weights.bin")
    assert loaded == []


def test_labels_become_kinds(tmp_path: Path) -> None:
    model = Model()
    text = "Zora writes to jane@example.com"
    detector = Detector(tier="patterns", also=[GlinerTier(tmp_path, load=lambda _: model, threshold=0.3)])
    assert [(text[span.start : span.end], span.kind, span.score) for span in detector.find(text)] == [
        ("Zora", "PERSON", 0.78),
        ("jane@example.com", "EMAIL_ADDRESS", 0.95),
    ]
    assert model.asked == [(list(LABELS), 0.3)]
    assert set(LABELS.values()) <= set(KINDS)
    own = GlinerTier(tmp_path, labels={"person": "CREW"}, load=lambda _: model)
    assert [span.kind for span in own.candidates(text, 0, len(text))] == ["CREW"]


def test_a_long_text_is_read_to_its_end(tmp_path: Path) -> None:
    text = "plain words and more " * 500 + "Zora"
    tier = GlinerTier(tmp_path, load=lambda _: Model())
    assert [text[span.start : span.end] for span in tier.candidates(text, 0, len(text))] == ["Zora"]
    assert tier.candidates(text, 0, len(text) - 1) == []


@pytest.mark.skipif(find_spec("gliner") is not None, reason="gliner is installed")
def test_without_gliner_nothing_starts(tmp_path: Path) -> None:
    # In a process of its own: loading sets the libraries' offline switches.
    code = f"from privet.integrations.gliner import GlinerTier; GlinerTier({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"{Unprotected.__module__}.Unprotected: gliner is not installed; pip install gliner" in done.stderr
