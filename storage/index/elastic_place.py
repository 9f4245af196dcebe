"""Which Elasticsearch cluster and index a URL names, and what lets us in.

`http(s)://HOST[:PORT][,HOST:PORT…][/NAME][?shards=1&replicas=0]`
"""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from sohoa.errors import SetupError
from sohoa.settings import Settings

_OPTIONS = {"shards", "replicas"}
_NAME = re.compile("[a-z][a-z0-9_.]{0,60}")
_HOW = "write https://HOST:PORT/NAME, NAME in small letters and digits, without user or password"


@dataclass(frozen=True, slots=True)
class Place:
    """Nodes of one cluster, and the alias by which the index in use goes.

    Behind it is one of `NAME-000001`, `NAME-000002`, …; the one that a rebuild fills goes by `next`.
    """

    nodes: tuple[str, ...]
    alias: str
    shards: int
    replicas: int

    @property
    def next(self) -> str:
        return f"{self.alias}-next"

    @property
    def every(self) -> str:
        """A pattern for all indices of this place."""
        return f"{self.alias}-*"

    def index(self, number: int) -> str:
        return f"{self.alias}-{number:06}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key, or a user and a password; neither where the cluster asks for nothing."""

    api_key: SecretStr | None = None
    user: str = ""
    password: SecretStr | None = None


def parse_place(url: str) -> Place:
    """What an http: or https: URL names. Raises SetupError (`bad_setting`), saying how to write it."""
    try:
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        nodes = [urlsplit(f"{parts.scheme}://{host}") for host in parts.netloc.split(",")]
        place = Place(
            nodes=tuple(f"{node.scheme}://{node.hostname}:{node.port or _port(node.scheme)}" for node in nodes),
            alias=parts.path.strip("/") or "sohoa",
            shards=int(options.get("shards", "1")),
            replicas=int(options.get("replicas", "0")),
        )
        fit = (
            parts.scheme in ("http", "https")
            and all(node.hostname and node.username is None for node in nodes)
            and _NAME.fullmatch(place.alias)
            and options.keys() <= _OPTIONS
            and 0 < place.shards < 100
            and 0 <= place.replicas < 10
        )
    except ValueError:
        fit = False
    if not fit:
        raise SetupError(f"SOHOA_INDEX_URL names no index: {_HOW}", code="bad_setting")
    return place


def read_credentials(settings: Settings) -> Credentials:
    """What the settings, or the file that they name, let us in with. Raises SetupError."""
    if settings.index_api_key is not None:
        return Credentials(api_key=settings.index_api_key)
    file = settings.index_credentials_file
    if file is None:
        return Credentials()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text())
        found = parser["default"]
        if "api_key" in found:
            return Credentials(api_key=SecretStr(found["api_key"]))
        return Credentials(user=found["user"], password=SecretStr(found["password"]))
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        raise SetupError(
            f"{file} cannot be used: it must be readable and hold [default] with api_key, or with user and password"
        ) from None


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 9200
