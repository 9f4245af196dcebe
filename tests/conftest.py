"""For every test: what a command set up for its log does not outlive it; how many
crashes were survived, and what was left out for want of a server, is said last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

pytest.register_assert_rewrite("tests.support")  # what a helper asserts says what it saw, as a test does

from tests.support import brokers, crash, postgres, server_programs, servers
from tests.support.catalogues import blank_url, catalogue_url, migrated_postgres, migrated_sqlite, postgres_server
from tests.support.indexes import index, index_settings

__all__ = [
    "blank_url",
    "catalogue_url",
    "index",
    "index_settings",
    "migrated_postgres",
    "migrated_sqlite",
    "postgres_server",
]


# How long an example takes is the machine's.
hypothesis_settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command run inside a test sends the log to that test's standard error, which is closed afterwards."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes may die here, the machine does not, so thousands of fsyncs would only cost time."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of xdist hands its counts to the one that says them."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["points"] = dict(crash.POINTS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add up what the processes of xdist counted."""
    crash.POINTS.update(getattr(node, "workeroutput", {}).get("points", {}))


def pytest_unconfigure(config: pytest.Config) -> None:
    """After everything that pytest itself has to say."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    if crash.POINTS:
        each = ", ".join(f"{name.removesuffix('.py')} {count}" for name, count in sorted(crash.POINTS.items()))
        reporter.line(
            f"SURVIVED: {crash.POINTS.total()} crashes, kills, failing disks and rivals, each at a point of its own ({each})"
        )
    reasons = {str(report.longrepr) for report in reporter.stats.get("skipped", [])}
    missing = [name for name in server_programs.PROGRAMS if any(servers.absent(name) in reason for reason in reasons)]
    if missing:
        reporter.line(f"LEFT OUT: the tests over {' and '.join(missing)}, which do not run here (make servers)")
    unbrokered = [name for name in brokers.NAMES if any(brokers.absent(name) in reason for reason in reasons)]
    if unbrokered:
        reporter.line(
            f"LEFT OUT: the tests over {' and '.join(unbrokered)}, not installed here (apt-get install …-server)"
        )
    if any(postgres.absent() in reason for reason in reasons):
        reporter.line(
            f"LEFT OUT: the tests over {postgres.NAME}, which is not installed here (apt-get install postgresql)"
        )
