"""Where the three parts of a store lie, in one line each and without secrets, and which of them a moving moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import make_url

from sohoa.errors import BadRequest
from sohoa.settings import Settings
from storage.catalog.database import sqlite_path
from storage.index import is_served


class Part(StrEnum):
    """What a store consists of."""

    ARCHIVE = "archive"
    CATALOGUE = "catalogue"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Move:
    """A moving: the settings that hold until it is done, those that hold afterwards, and the places that these name."""

    old: Settings
    new: Settings
    leaves: Mapping[Part, str]
    reaches: Mapping[Part, str]

    @property
    def parts(self) -> list[Part]:
        """Those that move; each other one stays where it is."""
        return [part for part in Part if self.leaves[part] != self.reaches[part]]


def move_between(old: Settings, new: Settings) -> Move:
    """The moving from one to the other. Raises BadRequest (`same_store`) where both name the same places; SetupError."""
    move = Move(old, new, places_of(old), places_of(new))
    if not move.parts:
        raise BadRequest(
            "archive, catalogue and index are where these settings name them already: name another place",
            code="same_store",
        )
    return move


def places_of(settings: Settings) -> dict[Part, str]:
    """Where each part lies. Raises SetupError or ValueError for a URL that names no place."""
    return {
        Part.ARCHIVE: _archive(settings),
        Part.CATALOGUE: _catalogue(settings.catalog()),
        Part.INDEX: _index(settings),
    }


def _archive(settings: Settings) -> str:
    if not settings.archive_url.startswith("s3:"):
        return settings.folder_of(settings.archive_url).resolve().as_uri()
    from storage.objects.s3_place import parse_place

    place = parse_place(settings.archive_url)
    return f"s3://{place.archive}/{place.prefix.rstrip('/')}?endpoint={place.endpoint}"


def _catalogue(url: str) -> str:
    path = sqlite_path(url)
    if path is not None:
        return f"sqlite:///{path.resolve()}"
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host") or "localhost"
    return f"postgresql://{host}:{parsed.port or parsed.query.get('port') or 5432}/{parsed.database}"


def _index(settings: Settings) -> str:
    if not is_served(settings):
        return settings.index_root().resolve().as_uri()
    from storage.index.elastic_place import parse_place

    place = parse_place(settings.index_url)
    return f"{','.join(place.nodes)}/{place.alias}"
