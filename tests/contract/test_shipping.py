"""What is shipped: the image's packages are those of the lock, the compose file is valid, and its parts fit together."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from sohoa.settings import Settings
from sohoa.states import JobKind
from tests.support.image_lock import image_lock
from tests.support.stack import COMPOSE, OURS, commands

ROOT = COMPOSE.parent


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return told


def test_the_image_has_what_the_lock_has_and_sohoa_needs() -> None:
    assert (ROOT / "requirements-image.lock").read_text() == image_lock(), "python -m tests.support.image_lock"
    names = re.findall(r"^([\w.-]+)==", image_lock(), re.MULTILINE)
    assert {"celery", "elasticsearch", "psycopg", "setuptools"} <= set(names)
    assert not {"pytest", "mypy", "ruff"} & set(names)


def test_the_dockerfile_copies_what_there_is_and_runs_as_nobody_special() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE) for word in line.split()}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)
    assert dockerfile.index("USER 10001") < dockerfile.index("ENTRYPOINT")
    setup = (ROOT / ".ci/setup").read_text()
    needed = re.search(r'^wanted="([^"]+)"', setup, re.MULTILINE)
    assert needed is not None
    assert [name for name in needed[1].split() if name not in dockerfile] == []


@pytest.mark.compose
def test_the_compose_file_is_valid(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        wanted = "compose" in os.environ.get("SOHOA_REQUIRE", "").split(",")
        (pytest.fail if wanted else pytest.skip)("docker-compose is not installed: apt-get install docker-compose")
    run = subprocess.run(
        [str(program), "-f", str(COMPOSE), "config", "--quiet"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SOHOA_OFFICE": "H02"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def test_every_kind_of_job_has_a_worker_that_listens() -> None:
    heard: set[str] = set()
    for command in commands().values():
        if command[0] != "work":
            continue
        if "--queues" not in command:
            heard |= set(JobKind)
        else:
            kinds = command[command.index("--queues") + 1].split(",")
            assert set(kinds) <= set(JobKind)
            heard |= set(kinds)
    assert heard == set(JobKind)


def test_every_service_has_a_health_check_limits_and_a_version(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["healthcheck"]["test"], name
        assert service["mem_limit"], name
        assert service["cpus"], name
        assert re.search(r":\d+\.\d+", service["image"]), name
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] == "10001:10001"


def test_only_the_api_has_a_port_and_on_this_machine_alone(compose: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {"api": ["127.0.0.1:8080:8080"]}
    assert compose["networks"]["inside"] == {"internal": True}


def test_every_setting_in_the_compose_file_is_one(compose: dict[str, Any]) -> None:
    for name in compose["x-sohoa"]["environment"]:
        assert name.removeprefix("SOHOA_").lower() in Settings.model_fields, name


def test_the_operators_commands_make_every_secret_and_they_fit(compose: dict[str, Any], tmp_path: Path) -> None:
    text = (ROOT / "docs/operations/docker.md").read_text()
    script = re.search(r"```sh\n(umask.*?)```", text, re.DOTALL)
    assert script is not None
    subprocess.run(["sh", "-eu", "-c", script[1]], cwd=tmp_path, check=True)
    made = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    assert made.keys() == compose["secrets"].keys()
    assert all(path.stat().st_mode & 0o077 == 0 for path in made.values())
    said = {name: path.read_text() for name, path in made.items()}
    assert f":{said['postgres_password']}@postgres/" in said["sohoa_catalog_url"]
    assert f"default_pass = {said['sohoa_broker_url'].split(':')[2].split('@')[0]}\n" in said["rabbitmq_conf"]
    keys = json.loads(said["seaweedfs_s3"])["identities"][0]["credentials"][0]
    s3, index = ConfigParser(), ConfigParser()
    s3.read_string(said["s3_credentials"])
    index.read_string(said["index_credentials"])
    assert s3["default"]["aws_secret_access_key"] == keys["secretKey"]
    assert s3["default"]["aws_access_key_id"] == keys["accessKey"]
    assert index["default"]["password"] == said["elastic_password"]
    assert len({*keys.values(), said["postgres_password"], said["elastic_password"]}) == 4
