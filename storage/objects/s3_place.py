"""Which S3 server and buckets a URL names, and the keys to it.

`s3://BUCKET[/PREFIX]?endpoint=http://HOST:PORT[&work=BUCKET][&region=NAME][&lock=no]`
"""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from sohoa.errors import SetupError
from sohoa.settings import Settings
from storage.objects.protocol import DELETABLE, check_key

_OPTIONS = {"endpoint", "work", "region", "lock"}
_HOW = "write s3://BUCKET/PREFIX?endpoint=https://HOST:PORT"


@dataclass(frozen=True, slots=True)
class Place:
    """Two buckets of one server: `archive` is never deleted from, `work` keeps staging/ and intents/.

    `prefix` is "" or ends in a slash. `lock` says whether the archive's bucket is made with Object Lock.
    """

    endpoint: str
    archive: str
    work: str
    prefix: str
    region: str
    lock: bool

    def locate(self, key: str) -> tuple[str, str]:
        """The bucket of a key, and its name there. Raises BadRequest."""
        check_key(key)
        return (self.work if key.startswith(DELETABLE) else self.archive), self.prefix + key


@dataclass(frozen=True, slots=True)
class Keys:
    """What lets us in."""

    access: str
    secret: SecretStr


def parse_place(url: str) -> Place:
    """What an s3: URL names. Raises SetupError (`bad_setting`), saying how to write it."""
    try:
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
        endpoint = urlsplit(options.get("endpoint", ""))
        fit = (
            parts.netloc.replace("-", "").replace(".", "").isalnum()
            and options.keys() <= _OPTIONS
            and endpoint.scheme in ("http", "https")
            and endpoint.hostname is not None
            and endpoint.username is None
            and endpoint.path in ("", "/")
            and (endpoint.port is None or endpoint.port > 0)
            and options.get("lock", "yes") in ("yes", "no")
        )
    except ValueError:
        fit = False
    if not fit:
        raise SetupError(f"the s3: URL names no store: {_HOW}", code="bad_setting")
    prefix = parts.path.strip("/")
    place = Place(
        endpoint=f"{endpoint.scheme}://{endpoint.netloc}",
        archive=parts.netloc,
        work=options.get("work", f"{parts.netloc}-work"),
        prefix=f"{prefix}/" if prefix else "",
        region=options.get("region", "us-east-1"),
        lock=options.get("lock", "yes") == "yes",
    )
    if place.work == place.archive:
        raise SetupError("staging/ and intents/ need a bucket of their own: name it with work=", code="bad_setting")
    return place


def read_keys(settings: Settings) -> Keys:
    """The access key and the secret key from the settings or the file that they name. Raises SetupError."""
    if settings.s3_access_key is not None and settings.s3_secret_key is not None:
        return Keys(settings.s3_access_key.get_secret_value(), settings.s3_secret_key)
    file = settings.s3_credentials_file
    if file is None:
        raise SetupError(
            "the S3 server wants keys: set SOHOA_S3_ACCESS_KEY and SOHOA_S3_SECRET_KEY, or SOHOA_S3_CREDENTIALS_FILE"
        )
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text())
        found = parser["default"]
        return Keys(found["aws_access_key_id"], SecretStr(found["aws_secret_access_key"]))
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        raise SetupError(
            f"{file} cannot be used: it must be readable and hold [default] with aws_access_key_id and "
            "aws_secret_access_key"
        ) from None
