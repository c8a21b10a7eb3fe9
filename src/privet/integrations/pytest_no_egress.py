"""`pytest --privet-no-egress`: the tests run in a locked process; what tried to leave is told by test, and fails the run.

The lock is put up before the first conftest.py is read. With xdist, each worker has its own, and the process that starts them has none.

Invariants: without the option nothing happens, and nothing but pytest is imported; where the lock cannot be had, no test runs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from privet.egress.in_process import Locked

_OUTPUT: Final = "privet_no_egress"
_OUTSIDE_TESTS: Final = "(outside a test)"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("privet").addoption(
        "--privet-no-egress",
        action="store_true",
        help="lock the tests in: loopback only; report and fail on what tries to leave this machine",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Lock this process in, before anything of the user's is imported."""
    options = early_config.known_args_namespace
    if not options.privet_no_egress:
        return
    # As xdist documents it: only its workers have this variable.
    starts_workers = getattr(options, "numprocesses", None) or getattr(options, "tx", None)
    locked = None
    if not starts_workers or "PYTEST_XDIST_WORKER" in os.environ:
        from privet.egress import lock
        from privet.errors import Unprotected

        try:
            locked = lock()
        except Unprotected as error:
            raise pytest.UsageError(str(error)) from error
    early_config.pluginmanager.register(NoEgress(locked), "privet-no-egress")


class NoEgress:
    """What the tests of one process, or of all workers, tried."""

    def __init__(self, locked: Locked | None) -> None:
        self._locked = locked
        self._known: Counter[tuple[str, str]] = Counter()
        self._found: Counter[tuple[str, str]] = Counter()

    def _note(self, test: str) -> None:
        """Count what is new since this was called last as tried by a test."""
        if self._locked is None:
            return
        now = Counter({(one.program, one.destination): one.count for one in self._locked.attempts()})
        for (_, destination), count in (now - self._known).items():
            self._found[test, destination] += count
        self._known = now

    def pytest_report_header(self) -> str:
        """Say what holds."""
        return f"privet: no egress: {self._locked or 'each worker is locked'}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Tell what a test tries from what happens around it."""
        self._note(_OUTSIDE_TESTS)
        try:
            return (yield)
        finally:
            self._note(item.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker's tests tried."""
        for test, destination, count in getattr(node, "workeroutput", {}).get(_OUTPUT, ()):
            self._found[test, destination] += count

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Fail the run where something tried to leave; a worker tells it to the process that started it."""
        self._note(_OUTSIDE_TESTS)
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = [[*where, count] for where, count in self._found.items()]
        elif self._found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the attempts."""
        if not self._found:
            return
        total = sum(self._found.values())
        terminalreporter.section(f"privet: {total} attempt{'s' * (total != 1)} to leave this machine", red=True)
        wide = max(len(test) for test, _ in self._found)
        far = max(len(destination) for _, destination in self._found)
        for (test, destination), count in sorted(self._found.items()):
            terminalreporter.line(f"{test:{wide}}  {destination:{far}}  {count}")
        terminalreporter.line("no test may need another machine: stand something in for it on 127.0.0.1")
