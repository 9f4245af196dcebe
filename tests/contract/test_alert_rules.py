"""Alert rules and dashboard name only metrics that are really told, and the rules say what they should of made-up numbers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.archived import opened_api

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs/operations"
RULES = OPERATIONS / "alerts.yml"
_NAME = re.compile(r"\b(?:sohoa_|process_)[a-z_0-9]+|\bup\b")
_SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "gauge": ("",)}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The type of each metric by name, as a real scrape of a new office has it."""
    with opened_api(tmp_path_factory.mktemp("home")) as api:
        text = api.client.get("/metrics", headers=api.token("metrics")).text
    return {family.name: family.type for family in text_string_to_metric_families(text)}


@pytest.fixture(scope="module")
def series(told: dict[str, str]) -> set[str]:
    """Names as expressions use them, and Prometheus' own `up`."""
    return {name + suffix for name, kind in told.items() for suffix in _SUFFIXES[kind]} | {"up"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> Iterator[tuple[str, str]]:
    """Title and expression of each of the dashboard's queries."""
    for panel in json.loads((OPERATIONS / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_every_metric_of_an_alert_is_told(series: set[str]) -> None:
    for rule in rules():
        named = set(_NAME.findall(rule["expr"]))
        assert named, f"{rule['alert']} names no metric"
        assert named <= series, f"{rule['alert']}: {named - series}"


def test_every_metric_of_the_dashboard_is_told_and_every_one_of_ours_is_shown(
    told: dict[str, str], series: set[str]
) -> None:
    shown = set()
    for title, expression in panels():
        named = set(_NAME.findall(expression))
        assert named, f"{title} names no metric"
        assert named <= series, f"{title}: {named - series}"
        shown |= named
    ours = {name for name in told if name.startswith("sohoa_")}
    assert {name for name in ours if not any(one.startswith(name) for one in shown)} == set()


def test_the_document_has_every_metric_and_no_other(told: dict[str, str]) -> None:
    table = (OPERATIONS / "monitoring.md").read_text().partition("## Every number")[2].partition("## What to do")[0]
    rows = [line.partition("|")[2].partition("|")[0] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(sohoa_[a-z_]+)`", row)}
    expected = {name + "_total" * (kind == "counter") for name, kind in told.items() if name.startswith("sohoa_")}
    assert named == expected


def test_every_alert_says_what_to_do_and_where_it_is_told() -> None:
    document = (OPERATIONS / "monitoring.md").read_text()
    headings = re.findall(r"^### (\w+)$", document, re.MULTILINE)
    assert headings == [rule["alert"] for rule in rules()]
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["runbook"] == f"docs/operations/monitoring.md#{rule['alert'].lower()}"


@pytest.fixture
def promtool() -> str:
    """Debian's `prometheus` has it. Skips the test where it is not, and fails it where SOHOA_REQUIRE names promtool."""
    found = shutil.which("promtool")
    if found is None:
        message = "there is no promtool: apt-get install --no-install-recommends prometheus"
        (pytest.fail if "promtool" in os.environ.get("SOHOA_REQUIRE", "").split(",") else pytest.skip)(message)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "command",
    [("check", "rules", str(RULES)), ("test", "rules", str(Path(__file__).parent / "alerts_told.yml"))],
    ids=["syntax", "made_up_numbers"],
)
def test_prometheus_itself_takes_the_rules(promtool: str, command: tuple[str, ...]) -> None:
    ended = subprocess.run([promtool, *command], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_prometheus_itself_takes_every_expression_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    made = [{"record": f"panel:{number}", "expr": expr} for number, (_, expr) in enumerate(panels())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": made}]}))
    ended = subprocess.run(
        [promtool, "check", "rules", str(tmp_path / "panels.yml")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_prometheus_itself_takes_what_is_told(promtool: str, tmp_path: Path) -> None:
    """`promtool check metrics` knows the naming rules of Prometheus' makers."""
    with opened_api(tmp_path / "home") as api:
        api.archive(api.receive())
        text = api.client.get("/metrics", headers=api.token("metrics")).text
    ended = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=300, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
