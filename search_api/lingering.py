"""A refusal reaches who is still sending: what comes after it is taken and thrown away for a moment before the connection ends.

Without that the connection would end with bytes unread, the sender's kernel would say "reset", and a sender, or a proxy that
passes bodies on as they come, would see a broken connection (a proxy: 502) where there was a 429 or a 413.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from starlette.types import Message, Receive, Send

LINGER_S: Final = 5.0
"""A proxy stops as soon as it has the answer; others have this long to notice it."""
_TOO_SLOW: Final = 408
"""Whoever gets that was waited for already."""


def lingering(receive: Receive, send: Send, *, asked_first: bool) -> tuple[Receive, Send]:
    """Both, such that an answer of 400 and above that is given before the body was whole ends only when the rest has come, or
    after LINGER_S. `asked_first`: the sender waits for leave before it sends a body (Expect: 100-continue)."""
    whole, lingers = False, False

    async def receive_and_see() -> Message:
        nonlocal whole
        message = await receive()
        whole = not message.get("more_body", False)
        return message

    async def send_and_linger(message: Message) -> None:
        nonlocal lingers
        if message["type"] == "http.response.start":
            lingers = message["status"] >= 400 and message["status"] != _TOO_SLOW and not asked_first
        elif lingers and not whole and not message.get("more_body", False):
            await send({**message, "more_body": True})
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_S):
                    while not whole:
                        await receive_and_see()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    return receive_and_see, send_and_linger
