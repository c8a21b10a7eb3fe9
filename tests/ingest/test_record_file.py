"""What the formats share: names of columns, and units that survive what the formats do with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from privet.ingest.record_file import is_changed, new_names
from privet.metadata.job import CannotClean

_MEASURED = """
import resource, sys
sys.path.insert(0, {tests!r})
from importlib import import_module
from pathlib import Path
import conftest
source, form = Path(sys.argv[1]), import_module("privet.ingest." + sys.argv[2])
if sys.argv[2] == "arrow":
    import pyarrow.parquet, pyarrow.compute
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
class Idle(conftest.Cleaner):
    def clean(self, batch): return batch
    def add(self, batch, identities=None): pass
parts = []
for at, unit in enumerate(form.units(source, 1 << 25)):
    parts.append(open(f"{{source}}.{{at}}", "w+b"))
    form.clean_unit(source, unit, Idle(), parts[-1])
    parts[-1].seek(0)
with open(f"{{source}}.out", "wb") as target:
    form.assemble(source, parts, [None] * len(parts), target)
print(len(parts), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_names_of_columns_that_are_left_out_are_found_out(cleaner: Any) -> None:
    columns = ["a", "jane@example.com", "b"]
    assert new_names(cleaner(), columns) == {"a": "a", "jane@example.com": "[EMAIL]", "b": "b"}
    assert new_names(cleaner(left_out=("a",)), columns) == {"jane@example.com": "[EMAIL]", "b": "b"}
    assert new_names(cleaner(left_out=columns), columns) == {}


def test_a_column_of_another_length_is_never_written() -> None:
    with pytest.raises(CannotClean):
        is_changed([1, 2], [1, 2, 3])


@pytest.mark.parametrize("form", ["jsonl", "delimited", "arrow", "json_doc"])
def test_memory_stays_flat_on_a_large_file(form: str, tmp_path: Path) -> None:
    source = tmp_path / {"jsonl": "a.jsonl", "delimited": "a.csv", "arrow": "a.parquet", "json_doc": "a.json"}[form]
    text = "some words of a text that goes on " * 300
    if form == "arrow":
        import pyarrow as pa
        import pyarrow.parquet as pq

        # One row group, as some writers make them, and no dictionary that would make it small.
        rows = [f"{at} {text}" for at in range(12_000)]
        pq.write_table(pa.table({"t": rows}), source, row_group_size=1 << 30, compression="none", use_dictionary=False)
    else:
        begin, row, end = {
            "jsonl": ("", '{"text": "%s"}\n', ""),
            "delimited": ("id,text\n", '1,"%s, more"\n', ""),
            "json_doc": ("[", '{"text": "%s"},\n', "{}]"),
        }[form]
        with source.open("w") as file:
            file.write(begin)
            for _ in range(12_000):
                file.write(row % text)
            file.write(end)
    assert source.stat().st_size > 110 << 20
    program = _MEASURED.format(tests=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", program, str(source), form], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(done[1]) < 90, f"{done[1]} MiB above import level"
