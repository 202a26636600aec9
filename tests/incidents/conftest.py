from __future__ import annotations

import pytest

from tests.incidents.case_files import summary


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(summary())
