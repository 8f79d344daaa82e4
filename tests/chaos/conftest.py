"""The figures of what was killed are printed at the end, whether or not it passed."""

from collections.abc import Callable, Iterator

import pytest

_KILLED = "killed"


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Iterator[list[str]]:
    """Lines to print at the end of the run; they travel with the test's report, whichever process ran it."""
    lines: list[str] = []
    yield lines
    for line in lines:
        record_property(_KILLED, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ended = (one for some in terminalreporter.stats.values() for one in some if getattr(one, "when", "") == "teardown")
    if lines := [line for one in ended for name, line in one.user_properties if name == _KILLED]:
        terminalreporter.section("killed")
        for line in lines:
            terminalreporter.line(str(line))
