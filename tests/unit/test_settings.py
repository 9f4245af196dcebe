"""Settings come from the environment and, for secrets, from files of their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sohoa.settings import Settings


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOHOA_SECRETS_DIR", str(tmp_path))
    monkeypatch.delenv("SOHOA_CATALOG_URL", raising=False)
    (tmp_path / "sohoa_catalog_url").write_text("postgresql+psycopg://sohoa:geheim@db/sohoa\n", encoding="utf-8")
    return tmp_path


def test_a_file_in_the_folder_of_secrets_is_a_setting(secrets: Path) -> None:
    assert Settings().catalog_url == "postgresql+psycopg://sohoa:geheim@db/sohoa"
    assert "geheim" not in repr(Settings())


def test_the_environment_goes_before_the_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOHOA_CATALOG_URL", "sqlite:////elsewhere")
    assert Settings().catalog_url == "sqlite:////elsewhere"


def test_a_secret_that_no_setting_is_does_not_matter(secrets: Path) -> None:
    (secrets / "pgpass").write_text("db:5432:*:sohoa:geheim", encoding="utf-8")
    assert Settings().catalog_url.startswith("postgresql")


def test_without_the_folder_of_secrets_that_was_named_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOHOA_SECRETS_DIR", "/nowhere")
    with pytest.raises(ValueError, match="/nowhere"):
        Settings()
