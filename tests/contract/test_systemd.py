"""The systemd units that operators are given: valid, closed up, and the same services as docker-compose.yml has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from sohoa.cli import app
from sohoa.settings import Settings
from tests.support.office import COMMAND
from tests.support.stack import COMPOSE, OURS, commands

UNITS = COMPOSE.parent / "docs/operations/systemd"
NAMES = sorted(path.stem for path in UNITS.glob("*.service"))
MOST_EXPOSED = 20
"""Tenths: `systemd-analyze security` calls up to 1.9 of 10 good for a service that speaks on the network."""
_PROGRAM = "/opt/sohoa/bin/sohoa"


def directives(name: str) -> dict[str, list[str]]:
    """What a unit says, the part that all have included; a directive may stand more than once."""
    said: dict[str, list[str]] = defaultdict(list)
    for path in (UNITS / f"{name}.service", *sorted((UNITS / "sohoa-.service.d").glob("*.conf"))):
        for key, value in re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE):
            said[key].append(value)
    return said


def settings_of(name: str) -> dict[str, str]:
    words = " ".join(directives(name)["Environment"]).split()
    return dict(word.split("=", 1) for word in words)


def command_of(name: str) -> list[str]:
    (line,) = directives(name)["ExecStart"]
    program, *arguments = line.split()
    assert program == _PROGRAM
    return arguments


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return told


@pytest.fixture
def analyze(tmp_path: Path) -> tuple[str, Path]:
    """systemd's own judge, and the units with a program that is there. Skips the test where it is not installed, and fails it
    where SOHOA_REQUIRE names systemd."""
    program = shutil.which("systemd-analyze")
    if program is None:
        message = "systemd is not installed: apt-get install --no-install-recommends systemd"
        (pytest.fail if "systemd" in os.environ.get("SOHOA_REQUIRE", "").split(",") else pytest.skip)(message)
    folder = Path(shutil.copytree(UNITS, tmp_path / "units"))
    for path in folder.glob("*.service"):
        path.write_text(path.read_text().replace(_PROGRAM, str(COMMAND)))
    return str(program), folder


def test_there_is_a_unit_for_each_service_and_one_for_all() -> None:
    assert sorted(["sohoa-alone", *(f"sohoa-{name}" for name in OURS)]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_systemd_takes_the_unit_and_finds_it_closed_up(name: str, analyze: tuple[str, Path]) -> None:
    program, folder = analyze
    unit = str(folder / f"{name}.service")
    verified = subprocess.run([program, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    command = [program, "security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSED}", unit]
    scored = subprocess.run(command, capture_output=True, text=True, check=False)
    assert scored.returncode == 0, scored.stdout[-300:]


@pytest.mark.parametrize("name", NAMES)
def test_the_command_is_one_that_there_is(name: str) -> None:
    command, *arguments = command_of(name)
    group = typer.main.get_command(app)
    group.commands[command].make_context(command, arguments).close()  # type: ignore[attr-defined]  # raises for an unknown option


@pytest.mark.parametrize("service", OURS)
def test_the_service_is_that_of_the_compose_file(service: str, compose: dict[str, Any]) -> None:
    name, theirs = f"sohoa-{service}", compose["services"][service]
    said = directives(name)
    assert command_of(name) == commands()[service]
    assert said["MemoryMax"] == [str(theirs["mem_limit"]).upper()]
    assert said["TimeoutStopSec"] == [compose["x-sohoa"]["stop_grace_period"].replace("m", "min")]
    credentials = dict(credential.split(":") for credential in said["LoadCredential"])
    assert credentials == {secret: f"/etc/sohoa/secrets/{secret}" for secret in compose["x-sohoa"]["secrets"]}
    files = {key: value for key, value in settings_of(name).items() if key.endswith(("_FILE", "_DIR"))}
    theirs = compose["x-sohoa"]["environment"]
    assert files == {
        key: theirs[key].replace("/run/secrets", "%d") for key in theirs if key.endswith(("_FILE", "_DIR"))
    }


def test_every_setting_named_is_one_and_no_service_shares_anothers_folder() -> None:
    homes = [settings_of(name)["SOHOA_HOME"] for name in NAMES]
    assert len(set(homes)) == len(homes)
    for name in NAMES:
        assert settings_of(name)["SOHOA_HOME"] == f"%S/{directives(name)['StateDirectory'][0]}"
    written = (UNITS / "sohoa.env").read_text()
    named = {
        *re.findall(r"^(?:# )?(SOHOA_\w+)=", written, re.MULTILINE),
        *(key for name in NAMES for key in settings_of(name)),
    }
    assert [name for name in named if name.removeprefix("SOHOA_").lower() not in Settings.model_fields] == []


def test_the_packages_that_an_operator_installs_are_those_that_the_image_has() -> None:
    told = re.search(r"no-install-recommends (python3-venv .+)", (UNITS.parent / "systemd.md").read_text())
    image = re.search(r"no-install-recommends \\\n(.+?) \\\n", (COMPOSE.parent / "Dockerfile").read_text())
    assert told is not None
    assert image is not None
    assert set(told[1].split()) - {"python3-venv"} == set(image[1].split())
