"""For every test: what was left out for want of a server is said last."""

from __future__ import annotations

import pytest

from tests.support import server_programs, servers


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skipped = {str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])}
    missing = [name for name in server_programs.PROGRAMS if any(servers.absent(name) in why for why in skipped)]
    if missing:
        terminalreporter.section("left out", yellow=True)
        terminalreporter.line(f"the tests over {' and '.join(missing)}, which do not run here: make servers")
