"""What the documents say is what the code does: settings, statuses, the words that are avoided."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sohoa.settings import Settings
from sohoa.states import DocumentStatus

ROOT = Path(__file__).parents[2]
PACKAGES = ("sohoa", "ingest", "ocr_workers", "storage", "search_api")
AVOIDED = re.compile(r"(^|_)(manager|processor|helpers?|utils?|consumer)(_|$)", re.IGNORECASE)
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_every_setting_is_in_the_operators_table_with_its_default() -> None:
    table = (ROOT / "docs/operations/settings.md").read_text()
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else str(field.default)
        assert f"| `SOHOA_{name.upper()}` | {default} | {field.description} |" in table


def test_every_status_is_in_the_glossary() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text()
    assert [status for status in DocumentStatus if f"`{status}`" not in glossary] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_says_what_it_is_for_and_avoids_words_that_say_nothing(source: Path) -> None:
    text = source.read_text()
    if text.strip():
        assert text.startswith(('"""', 'r"""')), "the first line says what the file is for"
    names = re.findall(r"^\s*(?:def|class) (\w+)", text, re.MULTILINE)
    assert [name for name in [source.stem, *names] if AVOIDED.search(name)] == []


def test_nothing_reads_the_environment_but_the_settings() -> None:
    reading = re.compile(r"os\.(getenv|environ\.get|environ\[[^\]]+\](?!\s*=[^=]))")
    assert [str(path.relative_to(ROOT)) for path in SOURCES if reading.search(path.read_text())] == []


def test_every_code_is_in_the_documents() -> None:
    told = "".join((ROOT / "docs" / name).read_text() for name in ("cli.md", "api.md", "operations/verify.md"))
    stated = re.compile(r"""\bcode(?:=|: str = | = )"([a-z_]+)\"""")
    codes = {code for path in SOURCES for code in stated.findall(path.read_text())}
    inner = {
        "error",
        "refused",
        "held",
        "stage_failed",
        "stopped",
    }  # roots that are never shown, and a worker's own leaving
    assert sorted(code for code in codes - inner if f"`{code}`" not in told) == []
