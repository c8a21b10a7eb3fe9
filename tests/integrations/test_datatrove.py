"""The step for datatrove, in a real pipeline."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from privet.errors import BadInput, Unprotected
from privet.integrations.datatrove import PrivetScrub
from privet.policy import DEFAULT, Transform, with_value

needs_datatrove = pytest.mark.skipif(find_spec("datatrove") is None, reason="datatrove is not installed")
NARROW = with_value(DEFAULT, "scrub.columns", frozenset({"text", "stars"}))
PIPELINE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from privet.integrations.datatrove import PrivetScrub

if __name__ == "__main__":
    raw, out = sys.argv[1:]
    LocalPipelineExecutor(
        [JsonlReader(raw), PrivetScrub(tier="patterns"), JsonlWriter(out + "/clean", compression=None)],
        tasks=2, workers=2, logging_dir=out + "/logs",
    ).run()
"""


@pytest.mark.skipif(find_spec("datatrove") is not None, reason="datatrove is installed")
def test_without_datatrove_it_says_so() -> None:
    with pytest.raises(Unprotected, match="datatrove is not installed"):
        PrivetScrub()


@needs_datatrove
def test_a_pipeline_in_several_processes(tmp_path: Path) -> None:
    raw = tmp_path / "home-of-jane" / "raw"
    raw.mkdir(parents=True)
    for name in ("a", "b"):
        lines = [
            json.dumps({"text": f"{name}{n}: write to jane@example.com", "id": f"jane{n}@example.com", "n": n, "by": "+1 415 555 0100"})
            for n in range(300)
        ]  # fmt: skip
        (raw / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    script = tmp_path / "pipeline.py"
    script.write_text(PIPELINE)
    subprocess.run(
        [sys.executable, script, raw, tmp_path],
        env=os.environ | {"DATATROVE_COLORIZE_LOGS": "0"},
        check=True,
        capture_output=True,
    )
    made = [
        json.loads(line) for path in sorted((tmp_path / "clean").iterdir()) for line in path.read_text().splitlines()
    ]
    assert len(made) == 600
    assert made[0] == {
        "text": "a0: write to [EMAIL_ADDRESS]",
        "id": "[EMAIL_ADDRESS]",
        "metadata": {"n": 0, "by": "[PHONE_NUMBER]"},
    }
    steps = json.loads((tmp_path / "logs" / "stats.json").read_text())
    (stats,) = [step["stats"] for step in steps if "Privet" in step["name"]]
    assert {name: value["total"] for name, value in stats.items() if name.startswith("found")} == {
        "found: EMAIL_ADDRESS in text": 600,
        "found: EMAIL_ADDRESS in id": 600,
        "found: PHONE_NUMBER in by": 600,
    }
    assert stats["total"]["total"] == 600


@needs_datatrove
def test_what_the_policy_leaves_out_is_gone() -> None:
    from datatrove.data import Document, Media

    step = pickle.loads(pickle.dumps(PrivetScrub(NARROW, tier="patterns")))  # noqa: S301
    documents = [
        Document(
            "write to jane@example.com",
            "jane",
            [Media("1", 0, "https://example.com/jane.png")],
            {"stars": n, "author": "Jane Doe", "file_path": "/home/jane/raw.jsonl"},
        )
        for n in range(300)
    ]
    made = list(step.run(iter(documents), rank=3))
    assert made[299] == Document("write to [EMAIL_ADDRESS]", "3/299", [], {"stars": 299})
    assert step.stats["dropped: author"].total == 300
    assert "jane" not in str(step.stats.to_dict()).lower()


@needs_datatrove
def test_media_are_cleaned_as_files() -> None:
    from datatrove.data import Document, Media

    media = Media("1", 0, "https://example.com/1", alt="call +1 415 555 0100", media_bytes=b"mail jane@example.com\n")
    (made,) = PrivetScrub(tier="patterns").run([Document("a", "b", [media], {"file_path": "/home/jane/raw.jsonl"})])
    assert made.media[0].alt == "call [PHONE_NUMBER]"
    assert made.media[0].media_bytes == b"mail [EMAIL_ADDRESS]\n"
    assert made.metadata == {}
    kept = with_value(DEFAULT, "scrub.columns", frozenset({"*", "file_path"}))
    (made,) = PrivetScrub(kept, tier="patterns").run([Document("a", "b", [], {"file_path": "raw.jsonl"})])
    assert made.metadata == {"file_path": "raw.jsonl"}


@needs_datatrove
def test_what_cannot_work_is_said_when_the_step_is_made() -> None:
    with pytest.raises(BadInput, match="does not keep text"):
        PrivetScrub(with_value(DEFAULT, "scrub.columns", frozenset({"id"})))
    with pytest.raises(BadInput, match="needs a key"):
        PrivetScrub(with_value(DEFAULT, "scrub.transform", frozenset({Transform("pseudonym", kind="PERSON")})))
    assert list(PrivetScrub(tier="patterns").run(None)) == []
