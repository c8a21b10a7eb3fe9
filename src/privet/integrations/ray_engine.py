"""Ray: the tasks of a run on Ray Data, on the cores of this machine or on a cluster: `privet scrub IN -o OUT --engine ray`.

Invariants:

- The bytes of the output are those of the local engine: each task is done by the same code, in a process that is fenced off as there.
- A task that crashes its process or takes too long fails alone. A node that is lost loses nothing: its tasks are done again elsewhere.
- Ray started here listens on loopback alone, lets in only who knows its token, and reports nothing to anyone. Its files go when it ends;
  where the run is killed they stay: logs, without rows.
- What Ray carries are sealed bytes, so no path and no key comes into its logs or its pages.

A cluster is only used where its address is given. Its nodes need the same version of Privet, and must see inputs and output at the same
paths. What it is told, keys included, crosses its network: use Ray's own TLS where others share that network.
"""

from __future__ import annotations

import logging
import os
import pickle
import secrets
import shutil
import socket
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from privet import __version__
from privet.errors import PrivetError, Unprotected
from privet.ingest.local import LocalEngine, Task
from privet.ingest.plan import Item
from privet.ingest.worker import Setup

_AT_ONCE: Final = 4096
"""Tasks that one dataset holds: enough that waiting for its last task is nothing, few enough to bound memory."""
_OBJECT_STORE_BYTES: Final = 256 * 1024 * 1024
"""Rows stay in files: what passes through Ray is names, places and counts, and a bit a row when a file is joined."""
_SECONDS_TO_ANSWER: Final = 10.0
_COLUMN: Final = "sealed"
_ONE_PATH: Final = "use storage that all nodes mount at one path"


class Sealed:
    """A value that goes through Ray unseen."""

    def __init__(self, value: object) -> None:
        self.content = pickle.dumps(value)

    def __repr__(self) -> str:
        return "Sealed"


class Fence:
    """Does tasks on a node: in one process of the local engine, with the local engine's fence around it.

    Raises:
        Unprotected: this node has another version, or does not see the output.

    """

    def __init__(self, setup: Setup, timeout_seconds: float, version: str) -> None:
        if version != __version__:
            raise Unprotected(
                f"a node of the cluster has privet {__version__}, and this is {version}",
                hint="install the same version everywhere",
            )
        if not Path(setup.out).is_dir():
            raise Unprotected("a node of the cluster does not see the output", hint=_ONE_PATH)
        self._engine = LocalEngine(setup, 1, timeout_seconds)

    def result(self, task: Task) -> object:
        """Return the result of a task, or `local.Failed`.

        Raises:
            OSError: a worker could not write.
            Unprotected: this node does not see the inputs.

        """
        for item in _items(task):
            if not item.problem and not Path(item.path).parent.is_dir():
                raise Unprotected("a node of the cluster does not see the inputs", hint=_ONE_PATH)
        ((_, result),) = self._engine.done([task])
        return result


_fences: Final[dict[bytes, Fence]] = {}
"""Of this process, where it is one of Ray's: Ray keeps them from one dataset of a run to the next, so a detector is loaded once."""


def _done(row: dict[str, Any], sealed: Sealed) -> dict[str, Any]:
    """Return the number of a task and its result, or the error that ends the run."""
    number, task = pickle.loads(row[_COLUMN])  # noqa: S301 (made by `RayEngine`, in this run)
    result: object
    try:
        if sealed.content not in _fences:
            _fences[sealed.content] = Fence(*pickle.loads(sealed.content))  # noqa: S301 (as above)
        result = _fences[sealed.content].result(task)
    except (PrivetError, OSError) as error:
        # Ray would do the task again and print the error: it is the run that decides.
        result = error
    return {_COLUMN: pickle.dumps((number, result))}


class RayEngine:
    """Runs tasks on Ray Data. Use it as a context manager.

    Args:
        setup: what every process needs to know.
        processes: how many tasks at a time; on a cluster None means one a core.
        timeout_seconds: time that a task may take.
        address: that of a cluster ("auto" for one on this machine); None starts Ray here and ends it afterwards.

    Raises:
        Unprotected: Ray is not installed, does not start, or does not answer at the address.

    """

    def __init__(
        self, setup: Setup, processes: int | None, timeout_seconds: float, *, address: str | None = None
    ) -> None:
        # A worker of Ray stands in another folder.
        setup = setup._replace(out=str(Path(setup.out).absolute()))
        self._fence = Sealed((setup, timeout_seconds, __version__))
        self._folder: str | None = None
        self._ray = _imported(is_local=address is None)
        if self._ray.is_initialized():
            raise Unprotected("ray runs in this process already", hint="call ray.shutdown() before")
        try:
            if address is None:
                self._start(processes or len(os.sched_getaffinity(0)))
            else:
                _reach(address)
                self._ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
            self._processes = processes or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        except Exception as error:  # Ray raises types of its own, ConnectionError, RuntimeError and more.
            self._stop()
            raise Unprotected(
                "ray does not start" if address is None else "no cluster of ray answers at this address",
                hint="free some memory, or set TMPDIR to a short path" if address is None else "check --ray-address",
            ) from error

    def _start(self, processes: int) -> None:
        self._folder = tempfile.mkdtemp(prefix="privet-")
        with _temporary(self._folder):
            self._ray.init(
                address="local",
                num_cpus=processes,
                num_gpus=0,
                object_store_memory=_OBJECT_STORE_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                _node_ip_address="127.0.0.1",
                _temp_dir=self._folder,
            )

    def _stop(self) -> None:
        self._ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop()

    def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
        """Yield each task with its result, or with `local.Failed`, as they are done.

        Raises:
            OSError: a worker could not write.
            Unprotected: a node has another version, or does not see the files.

        """
        waiting = iter(tasks)
        while some := list(islice(waiting, _AT_ONCE)):
            with closing(self._results([_absolute(task) for task in some])) as results:
                for number, result in results:
                    if isinstance(result, Exception):
                        raise result
                    yield some[number], result

    def _results(self, tasks: Sequence[Task]) -> Generator[tuple[int, Any]]:
        from ray import data

        rows = [{_COLUMN: pickle.dumps(numbered)} for numbered in enumerate(tasks)]
        # A block a task: each is handed out by itself, and its result comes back as soon as it is there.
        done = data.from_items(rows, override_num_blocks=len(rows)).map(
            _done, fn_args=(self._fence,), num_cpus=1, concurrency=min(self._processes, len(rows))
        )
        for row in done.iter_rows():
            yield pickle.loads(row[_COLUMN])  # noqa: S301 (made by `_done`, in this run)


@contextmanager
def _temporary(folder: str) -> Iterator[None]:
    """Have the processes that are started meanwhile put their temporary files into a folder: Ray kills them before they clean up."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = folder
    try:
        yield
    finally:
        os.environ.pop("TMPDIR")
        if before is not None:
            os.environ["TMPDIR"] = before


def _reach(address: str) -> None:
    """Do nothing where somebody answers: Ray itself tries for minutes.

    Raises:
        OSError, ValueError: nobody does.

    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()


def _imported(*, is_local: bool) -> Any:
    """Return Ray, told before it reads its environment to report nothing, and where it is started here, to ask for a token."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if is_local:
        # The last is named for systems where Ray itself keeps to loopback; an address of loopback it takes for that of the network card.
        os.environ.update(
            RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0"
        )
    try:
        import ray
        from ray import data
    except ImportError as error:
        raise Unprotected("ray is not installed", hint="pip install 'privet[ray]'") from error
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _items(task: Task) -> Sequence[Item]:
    first = task.arguments[0]
    return [first] if isinstance(first, Item) else list(first)


def _absolute(task: Task) -> Task:
    """Return a task whose files are found from any folder."""
    first, *rest = task.arguments
    items = [msgspec.structs.replace(item, path=str(Path(item.path).absolute())) for item in _items(task)]
    return task._replace(arguments=(items[0] if isinstance(first, Item) else items, *rest))
