"""The local engine: the tasks of a run on the cores of this machine, each process fenced off from the others.

Invariants:

- A task that crashes its process or takes too long fails alone: a new process goes on with the next.
- No more than a few tasks are waiting at any time, so a plan of any length takes bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from privet.errors import PrivetError, Unprotected
from privet.ingest import worker
from privet.ingest.forking import begin, context, held

_WAITING_PER_PROCESS: Final = 3
_BYTES_IN_TIME: Final = 32 * 1024 * 1024
"""Of more than this, each as much has the time that the policy gives a file."""


class Task(NamedTuple):
    """A method of `worker.Worker` and its arguments; `size` in bytes, as what is larger may take longer."""

    name: str
    arguments: tuple[Any, ...]
    size: int = 0


class Failed(NamedTuple):
    """A task that gave no result, and why."""

    reason: str


class LocalEngine:
    """Runs tasks in processes of this machine. Use it as a context manager."""

    def __init__(self, setup: worker.Setup, processes: int, timeout_seconds: float) -> None:
        from pebble import ProcessPool

        begin()
        self._pool = ProcessPool(max_workers=processes, initializer=worker.start, initargs=(setup,), context=context())
        self._most = processes * _WAITING_PER_PROCESS
        self._timeout = timeout_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._pool.close()  # type: ignore[no-untyped-call]
        else:
            self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def done(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any]]:
        """Yield each task with its result, or with `Failed`, as they are done.

        Raises:
            OSError: a worker could not write.
            PrivetError: a worker cannot protect, whatever the file.

        """
        waiting: dict[Future[Any], Task] = {}
        tasks = iter(tasks)
        while True:
            for task in islice(tasks, self._most - len(waiting)):
                with held():
                    future: Future[Any] = self._pool.schedule(
                        worker.run, args=[task.name, task.arguments], timeout=self._seconds(task)
                    )
                waiting[future] = task
            if not waiting:
                return
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield waiting.pop(future), self._result(future)

    def _seconds(self, task: Task) -> float:
        return self._timeout * max(1.0, task.size / _BYTES_IN_TIME)

    def _result(self, future: Future[Any]) -> Any:
        from pebble import ProcessExpired

        try:
            return future.result()
        except TimeoutError:
            return Failed("it took longer than scrub.max_seconds allows")
        except ProcessExpired:
            return Failed("its reader crashed")
        except BrokenProcessPool as error:
            raise Unprotected(
                "the processes of this run are killed before they do anything",
                hint="free some memory or use --workers 1, and run the same command again: it goes on where it was",
            ) from error
        except (OSError, PrivetError):
            raise
        except Exception as error:
            # What a file makes our own code raise is that file's failure, not the run's; its text may quote the file.
            return Failed(f"its reader failed ({type(error).__name__})")
