"""How long a store takes to move, and how long it stands still: `python -m tests.benchmarks.moving_store PAPERS`.

Papers of one page with a scan of 100 kB each go from folders to SeaweedFS, PostgreSQL and Elasticsearch and back, all on
this machine (`make servers`). Prints a line for each way.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from pydantic import SecretStr

from sohoa.clock import SystemClock
from sohoa.settings import Settings
from sohoa.states import DocumentStatus
from storage.index import open_index
from storage.index.indexer import index_outbox
from storage.moving.moving import copy_ahead, finish
from storage.moving.places import move_between
from storage.stores import Stores, open_stores
from tests.benchmarks.say import say
from tests.support import files, postgres, servers
from tests.support.archived import bring
from tests.support.archived import finish as archive
from tests.support.indexes import elastic_url
from tests.support.object_stores import url_of

LATE = 20
"""Papers that come after everything was copied ahead."""
_PIXELS = (180, 180)


def main(papers: int) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
        postgres.running(fsync="on") as server,
        elastic_url(servers.start("elasticsearch")) as index_url,
    ):
        s3 = servers.start("seaweedfs")
        small = Settings(home=Path(folder) / "home", office="H02", min_free_bytes=0)
        big = small.model_copy(
            update={
                "archive_url": url_of(s3),
                "s3_access_key": SecretStr(s3.access_key),
                "s3_secret_key": SecretStr(s3.secret_key),
                "catalog_url": server.url(server.create()),
                "index_url": index_url,
            }
        )
        _fill(small, papers)
        _move(small, big, "folders → servers")
        _move(big, small, "servers → folders")


def _move(old: Settings, new: Settings, way: str) -> None:
    move, clock = move_between(old, new), SystemClock()
    began_s = time.monotonic()
    ahead = copy_ahead(move, clock)
    ahead_s = time.monotonic() - began_s
    _fill(old, LATE)
    moved = finish(move, clock)
    rows = sum((moved.rows or {}).values())
    told_s = ahead.last_round_s + ahead.index_s + ahead.catalogue_s
    say(
        f"{way}: ahead {ahead_s:.0f} s ({ahead.sent_files} files, {ahead.sent_bytes / 1e6:.0f} MB; told {told_s:.1f} s), "
        f"with {LATE} papers more it stood {moved.stood_s:.1f} s "
        f"({moved.sent_files} files, {rows} rows)"
    )


def _fill(settings: Settings, papers: int) -> None:
    with open_stores(settings, clock=SystemClock()) as stores:
        for _ in range(papers):
            _archived(stores)
        with open_index(settings, mode="write") as index:
            while index_outbox(stores.database, stores.archive, index, clock=stores.clock):
                pass


def _archived(stores: Stores) -> None:
    pixels = Image.frombytes("RGB", _PIXELS, random.randbytes(_PIXELS[0] * _PIXELS[1] * 3))
    paper = bring(stores, files.image_bytes("PNG", pixels), dossier=f"D-{random.randrange(10**9)}")
    archive(stores, paper, ("QUYẾT ĐỊNH về việc hòa giải ở cơ sở",), DocumentStatus.ARCHIVED)


if __name__ == "__main__":
    main(int(sys.argv[1]))
