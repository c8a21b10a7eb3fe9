"""The process from which workers come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_it_is_begun_with_nothing_loaded_and_serves_processes_that_have_all(tmp_path: Path) -> None:
    code = """
import sys
from privet.ingest.forking import begin, context

def loaded(queue):
    queue.put([name in sys.modules for name in ("privet.ingest.worker", "privet.detect.names")])

if __name__ == "__main__":
    begin()
    assert "numpy" not in sys.modules and "privet.ingest.worker" not in sys.modules
    begin()
    made = context()
    queue = made.SimpleQueue()
    process = made.Process(target=loaded, args=(queue,))
    process.start()
    print(queue.get())
    process.join()
"""
    script = tmp_path / "begin.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, script], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout == "[True, True]\n"


@pytest.mark.parametrize(("name", "loaded"), [("rows.parquet", True), ("rows.jsonl", False)])
def test_what_tables_need_is_loaded_once_where_names_show_tables(tmp_path: Path, name: str, loaded: bool) -> None:
    code = """
import sys
from pathlib import Path
from privet.ingest.forking import begin, context

def loaded(queue):
    queue.put("pyarrow.parquet" in sys.modules)

if __name__ == "__main__":
    begin([Path(sys.argv[1])])
    made = context()
    queue = made.SimpleQueue()
    process = made.Process(target=loaded, args=(queue,))
    process.start()
    print(queue.get())
    process.join()
"""
    script = tmp_path / "begin.py"
    script.write_text(code)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).touch()
    for given in (tmp_path / "in", tmp_path / "in" / name):
        done = subprocess.run([sys.executable, script, given], check=True, timeout=60, capture_output=True, text=True)
        assert done.stdout == f"{loaded}\n"
