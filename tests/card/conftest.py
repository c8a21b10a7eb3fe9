"""A model's folder with evidence, as training and audits write it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from privet.evidence import Signer, json_bytes, merkle_root

TODAY = date(2026, 6, 15)
PRIVACY = {
    "epsilon": 7.931,
    "delta": 1e-05,
    "unit": "subject",
    "accountant": "PLD (dp-accounting)",
    "noise_multiplier": 0.61,
    "sampling_rate": 0.02,
    "steps": 200,
    "max_grad_norm": 1.0,
}
DATA = {
    "read": 2000,
    "changed": 900,
    "found": {"PERSON": 812, "EMAIL_ADDRESS": 301},
    "duplicates": 12,
    "near_duplicates": 3,
    "suppressed": 0,
    "empty": 1,
    "kept": 1984,
    "tier": "names",
    "recall": 0.97,
}


def one_test(
    id_: str, verdict: str, samples: int, hits: int, interval: tuple[float, float], **figures: Any
) -> dict[str, Any]:
    return {
        "id": id_,
        "verdict": verdict,
        "samples": samples,
        "hits": hits,
        "interval": list(interval),
        "fix": "",
        "says": f"{hits} of {samples}",
        "seen": [],
        "notes": [],
        "figures": figures,
    }


TESTS = [
    one_test("extraction", "pass", 300, 0, (0.0, 0.0122)),
    one_test("exposure", "pass", 300, 2, (0.0008, 0.0239), median_bits=1.1),
    one_test("membership", "underpowered", 200, 104, (0.45, 0.59), auc=0.52),
    one_test("epsilon-lower-bound", "pass", 200, 0, (0.0, 0.0183), epsilon_lower=0.4),
    one_test("weight-files", "pass", 3, 0, (0.0, 0.7)),
]


class Model:
    """A folder with weights and evidence that tests write into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = Signer(bytes(32))
        (folder / "evidence").mkdir(parents=True)
        self.weights("model.safetensors", b"weights")

    @property
    def card(self) -> Path:
        return self.folder / "README.md"

    def weights(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def digests(self) -> dict[str, str]:
        names = sorted(
            path for path in self.folder.iterdir() if path.suffix in {".safetensors", ".gguf", ".bin", ".pt"}
        )
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in names}

    def put(
        self, name: str, document: Mapping[str, Any], *, signed: bool = True, beside: Mapping[str, Any] | None = None
    ) -> None:
        body = self.signer.signed(document) if signed else dict(document)
        (self.folder / "evidence" / name).write_bytes(json_bytes(body | (beside or {})))

    def training(self, privacy: Mapping[str, Any] | None = None, **changed: Any) -> None:
        document = {
            "format": "privet-evidence-training/1",
            "privacy": PRIVACY | (privacy or {}),
            "sampling": "poisson",
            "method": "lora",
            "dataset": {"id": "tickets", "units": 1200},
            "policy": "0" * 64,
            "data": DATA,
            "weights": self.digests(),
            "created": "2026-06-01",
        }
        self.put("training.json", document | changed)

    def audit(self, tests: list[dict[str, Any]] | None = None, **changed: Any) -> None:
        document = {
            "format": "privet-audit-model/1",
            "verdict": "underpowered",
            "seed": 0,
            "policy": "0" * 64,
            "tests": TESTS if tests is None else tests,
            "weights": self.digests(),
            "digest": "0" * 64,
        }
        self.put(
            "audit-model.json", document | changed, beside={"run": {"started": "2026-06-02T10:00:00Z", "seconds": 3}}
        )

    def endpoint(self) -> None:
        document = {
            "format": "privet-audit-endpoint/1",
            "verdict": "pass",
            "seed": 0,
            "size": "usual",
            "tests": [one_test("echo", "pass", 100, 0, (0.0, 0.037)), one_test("tls", "not-tested", 0, 0, (0.0, 1.0))],
        }
        self.put("endpoint.json", document, beside={"run": {"started": "2026-06-03T10:00:00Z"}})

    def manifest(self) -> None:
        entries: list[dict[str, Any]] = [
            {
                "input": "a.jsonl",
                "output": "a.jsonl",
                "status": "cleaned",
                "found": {"text": {"PERSON": 12}, "title": {"PERSON": 1, "PHONE_NUMBER": 4}},
                "rows": {"read": 100, "written": 95, "duplicates": 4, "near_duplicates": 1, "suppressed": 0},
            },
            {"input": "b.bin", "output": None, "status": "set-aside", "found": {}},
        ]
        document = {
            "format": "privet-manifest/1",
            "tier": "names",
            "files": entries,
            "merkle_root": merkle_root(entries),
        }
        self.put("privet-manifest.json", document)

    def dataset_audit(self) -> None:
        document = {
            "format": "privet-audit-dataset/1",
            "verdict": "pass",
            "tier": "names",
            "residual": {
                "records": 1000,
                "drawn": 1000,
                "flagged": 0,
                "upper_bound": 0.00384,
                "worst": {"kind": "PERSON", "language": "en", "planted": 400, "found": 380, "lower": 0.9213},
            },
            "checks": [{"id": "residual", "verdict": "pass", "says": "fine"}],
        }
        self.put("dataset.json", document, signed=False)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Return a folder with weights and no evidence."""
    return Model(tmp_path / "model")


@pytest.fixture
def full(model: Model) -> Model:
    """Return a folder with evidence of a private training and an audit."""
    model.training()
    model.audit()
    return model


@pytest.fixture
def models(tmp_path: Path) -> Callable[[], Model]:
    """Return a function that makes another folder each time."""
    made: list[Model] = []

    def make() -> Model:
        made.append(Model(tmp_path / f"model-{len(made)}"))
        return made[-1]

    return make
