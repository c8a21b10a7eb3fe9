"""Threads that wait for more to do when they have done something: a new one takes longer than most of what is done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Threads:
    """As many as are busy at once."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._lock = threading.Condition()
        self._idle = 0
        self._busy = 0

    def do(self, function: Callable[[], object]) -> None:
        """Do something in a thread."""
        with self._lock:
            self._busy += 1
            self._idle -= 1
            is_new = self._idle < 0
            if is_new:
                self._idle = 0
        if is_new:
            threading.Thread(target=self._work, args=(function,), daemon=True).start()
        else:
            self._waiting.put(function)

    def settle(self, seconds: float) -> None:
        """Wait until all is done, but no longer than so."""
        with self._lock:
            self._lock.wait_for(lambda: not self._busy, seconds)

    def _work(self, function: Callable[[], object]) -> None:
        while True:
            try:
                function()
            finally:
                with self._lock:
                    self._idle += 1
                    self._busy -= 1
                    self._lock.notify_all()
            function = self._waiting.get()
