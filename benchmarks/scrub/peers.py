"""One other tool over a list of texts: `python peers.py NAME TEXTS RUNS`, with the Python that it is installed for; prints its CPU time.

Each is set up as its own documentation tells, with its defaults. Start-up does not count; of several runs the fastest does.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.append(str(Path(__file__).parents[1] / "detect"))

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def presidio() -> Callable[[Sequence[str]], object]:
    """AnalyzerEngine with spaCy en_core_web_md, all English recognizers, and AnonymizerEngine."""
    from presidio_anonymizer import AnonymizerEngine
    from systems import Presidio

    finder, anonymizer = Presidio(), AnonymizerEngine()
    finder.spans("Jane Doe moved to Berlin.")

    def work(texts: Sequence[str]) -> object:
        found = finder._batch.analyze_iterator(texts, language="en")  # noqa: SLF001 (the benchmark's own class)
        return [anonymizer.anonymize(text, results).text for text, results in zip(texts, found, strict=True)]

    return work


def scrubadub() -> Callable[[Sequence[str]], object]:
    """Scrubber with its default detectors."""
    import scrubadub as package

    scrubber = package.Scrubber()
    return lambda texts: [scrubber.clean(text) for text in texts]


def datatrove_step() -> Callable[[Sequence[str]], object]:
    """PIIFormatter alone: addresses of mail and network."""
    from datatrove.pipeline.formatters import PIIFormatter

    step = PIIFormatter()
    return lambda texts: [step.format(text) for text in texts]


def datatrove_pipeline() -> Callable[[Sequence[str]], object]:
    """JsonlReader, PIIFormatter, JsonlWriter without compression."""
    from datatrove.pipeline.formatters import PIIFormatter
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    def work(texts: Sequence[str]) -> object:
        with tempfile.TemporaryDirectory(prefix="privet-bench-") as folder:
            source = Path(folder, "in")
            source.mkdir()
            with (source / "a.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(json.dumps({"id": str(at), "text": text}) + "\n" for at, text in enumerate(texts))
            begun = time.process_time()
            rows = JsonlReader(str(source)).run()
            for _ in JsonlWriter(f"{folder}/out", compression=None).run(PIIFormatter().run(rows)):
                pass
            return time.process_time() - begun

    return work


PEERS: Final[dict[str, tuple[str, Callable[[], Callable[[Sequence[str]], Any]]]]] = {
    "presidio": ("presidio-analyzer", presidio),
    "scrubadub": ("scrubadub", scrubadub),
    "datatrove step": ("datatrove", datatrove_step),
    "datatrove pipeline": ("datatrove", datatrove_pipeline),
}


def main() -> None:
    """Measure one."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    package, make = PEERS[sys.argv[1]]
    texts = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    work = make()
    work(texts[:2])
    best = float("inf")
    for _ in range(int(sys.argv[3])):
        begun = time.process_time()
        said = work(texts)
        best = min(best, said if isinstance(said, float) else time.process_time() - begun)
    print(
        json.dumps(
            {
                "cpu": best,
                "bytes": sum(len(text.encode()) for text in texts),
                "version": importlib.metadata.version(package),
            }
        )
    )


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main()
