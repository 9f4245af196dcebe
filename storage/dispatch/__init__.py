"""Who is told that there is work: nobody (local workers ask the catalogue themselves), or Celery's workers, by a broker.

The jobs table is the truth. A message only wakes a worker, which then claims whatever comes next; so a message that is lost,
or comes twice, changes when something is done and never what (docs/decisions/0027).
"""

from __future__ import annotations

import importlib.util
from urllib.parse import urlsplit

from sohoa.errors import SetupError
from sohoa.settings import Settings
from storage.dispatch.protocol import Dispatch, NoBroker

_SCHEMES = ("amqp", "amqps", "redis", "rediss")


def open_dispatch(settings: Settings) -> Dispatch:
    """What SOHOA_BROKER_URL names; nothing is asked of the broker yet. Raises SetupError (`driver_missing`)."""
    if not settings.broker_url:
        return NoBroker()
    if importlib.util.find_spec("celery") is None:
        raise SetupError("a broker needs Celery: pip install '.[celery]' in Sohoa's own folder", code="driver_missing")
    from storage.dispatch.broker import Broker

    return Broker(settings.broker_url)


def check_url(settings: Settings) -> None:
    """Raise ValueError, which never shows a password, where SOHOA_BROKER_URL names no broker."""
    url = urlsplit(settings.broker_url)
    if settings.broker_url and not (url.scheme in _SCHEMES and url.hostname):
        raise ValueError("SOHOA_BROKER_URL is neither amqp(s)://user@host/vhost nor redis(s)://host/0")
