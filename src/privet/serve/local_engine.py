"""The embedded engine for as long as the endpoint runs."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Any, Final

from privet.errors import PrivetError
from privet.serve.engine import Engine
from privet.serve.upstream import Upstream, UpstreamAddress

ENGINE_ANSWER_TOKENS: Final = 1024
"""Longest answer of the embedded engine where the caller names none."""

_logger: Final = logging.getLogger("privet.serve")
_ENGINE_CHECK_SECONDS: Final = 2.0


class LocalEngine:
    """The embedded engine, started anew when it dies."""

    def __init__(self, model: Path | None, state: Path, threads: int) -> None:
        self._start = partial(Engine.start, model, state_dir=state, threads=threads)
        self._engine = self._start()
        self._stopping = False
        self.alias = self._engine.alias

    @property
    def address(self) -> UpstreamAddress:
        """Where the engine listens now."""
        address = self._engine.address
        return UpstreamAddress("localhost", 80, "/v1", socket_path=str(address.socket_path), key=address.key)

    @property
    def networked(self) -> bool:
        """Tell whether the kernel refused the engine an empty network of its own."""
        return not self._engine.network_closed

    def fit(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a body as this engine understands it; a small model that is not told where to end may never do so."""
        if "max_tokens" not in body and "max_completion_tokens" not in body:
            body = {**body, "max_tokens": ENGINE_ANSWER_TOKENS}
        return self._engine.fit(body)

    async def keep(self, upstream: Upstream) -> None:
        """Watch the engine; where it has died, start it anew and tell the upstream where it is now."""
        while not self._stopping:
            await asyncio.sleep(_ENGINE_CHECK_SECONDS)
            if not self._engine.alive():
                _logger.error("engine died")
                self._engine.stop()
                try:
                    # In this thread, while requests fail: the child is tied to the thread that started it.
                    self._engine = self._start()
                except PrivetError as error:
                    # Requests are refused meanwhile; it is tried again after a moment.
                    _logger.error("engine did not start", exc_info=error)  # noqa: TRY400  (its place is wanted, not its text)
                else:
                    upstream.move(self.address)

    def stop(self) -> None:
        """Stop it for good."""
        self._stopping = True
        self._engine.stop()
