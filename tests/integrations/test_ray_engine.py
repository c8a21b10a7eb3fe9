"""Tasks on Ray Data: the same bytes as on the local engine, and failures that stay alone. Ray runs in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from privet.errors import Unprotected
from privet.evidence import Signer
from privet.ingest.local import LocalEngine, Task
from privet.ingest.plan import planned
from privet.ingest.run import Job
from privet.ingest.work import Work
from privet.ingest.worker import Setup
from privet.integrations.ray_engine import Fence, RayEngine, Sealed
from privet.policy import DEFAULT

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")

FAILING = """
import sys, time
from functools import partial
from pathlib import Path
from signal import SIGKILL, raise_signal

from privet.evidence import Signer
from privet.ingest.local import Task
from privet.ingest.plan import planned
from privet.ingest.run import Job
from privet.ingest.work import Work
from privet.integrations.ray_engine import RayEngine
from privet.policy import DEFAULT

if __name__ == "__main__":
    raw, out = map(Path, sys.argv[1:])
    job = Job([raw], out, DEFAULT, Signer(bytes(32)), "patterns")
    work = Work(out)
    work.open(job.plan())
    (note,) = planned(job.inputs, out)
    tasks = [
        Task("unit", (note, "jsonl", 0, map(raise_signal, [SIGKILL]))),
        Task("unit", (note, "jsonl", 1, map(time.sleep, [1000]))),
        Task("files", ([note],)),
    ]
    with RayEngine(job.setup(), 2, 5) as engine:
        for task, result in engine.done(tasks):
            print(tasks.index(task), getattr(result, "reason", None) or result[0].status)
        import psutil
        family = [psutil.Process(), *psutil.Process().children(recursive=True)]
        reached = {place.laddr.ip for one in family for place in one.net_connections("tcp") if place.status == "LISTEN"}
        print(*sorted(reached))
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "note.txt").write_text("call +1 415 555 0100\n")
    return folder


@pytest.fixture
def short() -> Iterator[Path]:
    # The name of a socket has 107 bytes at most (unix(7)), and Ray's own folders take 80 of them.
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        yield Path(folder)


def setup(raw: Path) -> Setup:
    return Job([raw], raw.parent / "out", DEFAULT, Signer(bytes(32)), "patterns").setup()


def test_what_goes_through_ray_does_not_show_itself() -> None:
    assert repr(Sealed(("/home/jane", bytes(32)))) == "Sealed"


def test_a_node_that_is_not_ready_stops_the_run(raw: Path) -> None:
    the_setup = setup(raw)
    with pytest.raises(Unprotected, match="a node of the cluster has privet"):
        Fence(the_setup, 5, "0.0.1")
    from privet import __version__

    with pytest.raises(Unprotected, match="does not see the output"):
        Fence(the_setup, 5, __version__)


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_it_says_so(raw: Path) -> None:
    with pytest.raises(Unprotected, match="ray is not installed"):
        RayEngine(setup(raw), 1, 5)


@needs_ray
def test_a_task_that_kills_its_process_or_hangs_fails_alone(raw: Path, tmp_path: Path) -> None:
    script = tmp_path / "failing.py"
    script.write_text(FAILING)
    done = subprocess.run([sys.executable, script, raw, tmp_path / "out"], capture_output=True, text=True, check=True)
    *results, reached = done.stdout.splitlines()
    assert sorted(results) == [
        "0 its reader crashed",
        "1 it took longer than scrub.max_seconds allows",
        "2 cleaned",
    ]
    assert set(reached.replace("::ffff:", "").split()) == {"127.0.0.1"}


def scrubbed(
    raw: Path, out: Path, short: Path, *options: str
) -> tuple[dict[str, bytes], subprocess.CompletedProcess[str]]:
    # Inputs and output are relative: a worker of Ray stands in another folder.
    done = subprocess.run(
        [sys.executable, "-m", "privet", "scrub", raw.name, "-o", out.name, "--tier", "patterns", "--json", *options],
        cwd=raw.parent,
        env=os.environ | {"XDG_STATE_HOME": str(raw.parent / "state"), "TMPDIR": str(short)},
        capture_output=True,
        text=True,
        check=False,
    )
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}, done


@needs_ray
def test_the_bytes_are_those_of_the_local_engine(raw: Path, short: Path) -> None:
    rows = [json.dumps({"n": n, "text": f"number {n}: write to jane{n}@example.com today"}) for n in range(3000)]
    (raw / "people.jsonl").write_text("\n".join(rows) + "\n")
    (raw / "blob.bin").write_bytes(bytes(range(256)) * 9)
    there, done = scrubbed(raw, raw.parent / "there", short, "--engine", "ray", "--workers", "2")
    assert (done.returncode, done.stderr) == (1, "")
    here, _ = scrubbed(raw, raw.parent / "here", short)
    assert there == here
    assert set(there) == {"note.txt", "people.jsonl", "privet-manifest.json"}
    assert "jane" not in done.stdout
    assert list(short.iterdir()) == []


@needs_ray
def test_an_address_where_no_cluster_is(raw: Path, short: Path) -> None:
    _, done = scrubbed(raw, raw.parent / "out", short, "--engine", "ray", "--ray-address", "127.0.0.1:1")
    assert done.returncode == Unprotected.exit_code
    assert "no cluster of ray answers at this address" in done.stderr


def test_a_fence_gives_what_the_local_engine_gives(raw: Path, tmp_path: Path) -> None:
    from privet import __version__

    the_setup = setup(raw)
    work = Work(tmp_path / "out")
    work.open({})
    items = planned([raw], tmp_path / "out")
    task = Task("files", (items,))
    with LocalEngine(the_setup, 1, 5) as engine:
        ((_, expected),) = engine.done([task])
    fence = Fence(the_setup, 5, __version__)
    made: Any = fence.result(task)
    assert made == expected
    (raw / "note.txt").unlink()
    raw.rmdir()
    with pytest.raises(Unprotected, match="does not see the inputs"):
        fence.result(task)
    fence._engine.__exit__(None, None, None)
    work.close(complete=True)


def test_a_cluster_is_for_ray_alone(raw: Path, short: Path) -> None:
    _, done = scrubbed(raw, raw.parent / "out", short, "--ray-address", "127.0.0.1:1")
    assert done.returncode == 2
    assert "add --engine ray" in done.stderr
    assert not (raw.parent / "out").exists()
