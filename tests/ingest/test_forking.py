"""The process from which workers come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import sys
from pathlib import Path
from privet.ingest.forking import begin, context

def loaded(queue):
    queue.put([name in sys.modules for name in ("privet.ingest.worker", "privet.detect.names", "pyarrow.parquet")])

if __name__ == "__main__":
    inputs = [Path(name) for name in sys.argv[1:]]
    begin(inputs)
    assert "numpy" not in sys.modules and "privet.ingest.worker" not in sys.modules
    begin(inputs)
    made = context()
    queue = made.SimpleQueue()
    process = made.Process(target=loaded, args=(queue,))
    process.start()
    print(queue.get())
    process.join()
"""


def _loaded(folder: Path, *inputs: Path) -> str:
    script = folder / "begin.py"
    script.write_text(_SCRIPT)
    done = subprocess.run([sys.executable, script, *inputs], check=True, timeout=60, capture_output=True, text=True)
    return done.stdout


def test_it_is_begun_with_nothing_loaded_and_serves_processes_that_have_all(tmp_path: Path) -> None:
    assert _loaded(tmp_path) == "[True, True, False]\n"


@pytest.mark.parametrize(("name", "loaded"), [("rows.parquet", True), ("rows.jsonl", False)])
def test_what_tables_need_is_loaded_once_where_names_show_tables(tmp_path: Path, name: str, loaded: bool) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).touch()
    for given in (tmp_path / "in", tmp_path / "in" / name):
        assert _loaded(tmp_path, given) == f"[True, True, {loaded}]\n"
