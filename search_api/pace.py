"""A body must come at a pace, and an answer be taken at one: who stalls, or sends or reads a byte a second, is cut off and
leaves its place to others."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Send

from sohoa.errors import BadRequest


def paced(receive: Receive, *, wait_s: float, bytes_per_s: float) -> Receive:
    """What comes of a request, as long as no wait is longer than `wait_s` and all of them together allow for the rate.

    Only waiting for the sender counts, not what the server does meanwhile. Raises BadRequest (too_slow).
    """
    waited_s, size_bytes, whole = 0.0, 0, False

    async def receive_in_time() -> Message:
        nonlocal waited_s, size_bytes, whole
        if whole:  # whoever waits now waits for the sender to go away
            return await receive()
        left_s = min(wait_s, wait_s + size_bytes / bytes_per_s - waited_s)
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                message = await receive()
        except TimeoutError:
            raise BadRequest(
                f"the body comes too slowly: less than {bytes_per_s:,.0f} bytes a second, or nothing for {wait_s:g} s; "
                "send it again over a better line",
                code="too_slow",
            ) from None
        waited_s += time.monotonic() - began_s
        size_bytes += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        return message

    return receive_in_time


def taken_in_time(send: Send, *, wait_s: float, bytes_per_s: float) -> Send:
    """What is sent, as long as each part of it is taken within `wait_s` and the time that the rate allows for it.

    Raises ClientDisconnect: whoever does not read holds a stream of the archive's store all the while.
    """

    async def send_in_time(message: Message) -> None:
        try:
            async with asyncio.timeout(wait_s + len(message.get("body", b"")) / bytes_per_s):
                await send(message)
        except TimeoutError:
            raise ClientDisconnect from None

    return send_in_time
