"""The detector and the surrogates alone, without files: `python detector.py TIER TEXTS` prints their CPU time as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from privet.detect.engine import Detector
from privet.redact import Redactor
from privet.surrogates import writing


def main() -> None:
    """Measure one tier."""
    texts = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    redactor = Redactor(writing("label", None, ""), Detector(tier=sys.argv[1]))  # type: ignore[arg-type]
    # As cold as a run over one record leaves it: words are met for the first time in a run over files as well.
    redactor.all(texts[:1])
    begun = time.process_time()
    redactor.all(texts)
    best = time.process_time() - begun
    print(json.dumps({"cpu": best, "bytes": sum(len(text.encode()) for text in texts)}))


if __name__ == "__main__":
    main()
