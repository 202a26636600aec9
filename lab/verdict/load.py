"""The clients: a fixed number of requests, one after the other on each client's kept connection."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from kubelint5xx.core.record import record
from lab.measure import HOST
from lab.verdict.experiment import Statuses


@record
class Load:
    """``clients`` send ``requests`` each, one after the other, ``gap`` seconds apart (at random between the two).

    ``together``: all at once, so that all connections of the balancer are used, and then idle for as long.
    """

    clients: int
    requests: int
    gap: tuple[float, float]
    together: bool = False
    path: str = "/"
    patience: float = 30.0


def counted(port: int, load: Load, beside: Callable[[], object] | None = None) -> Statuses:
    """Sends the load to ``port``, and does what is ``beside`` it meanwhile, in a thread."""
    return asyncio.run(_send(port, load, beside))


async def _send(port: int, load: Load, beside: Callable[[], object] | None) -> Statuses:
    statuses: Statuses = Counter()
    chance = random.Random(5)
    gaps = [chance.uniform(*load.gap) for _ in range(load.requests)]
    meeting = asyncio.Barrier(load.clients)
    request = f"GET {load.path} HTTP/1.1\r\nHost: lab.test\r\n\r\n".encode()

    async def client() -> None:
        reader = writer = None
        for gap in gaps:
            try:
                if writer is None or reader is None or writer.is_closing() or reader.at_eof():
                    reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(request)
                status, closes = await asyncio.wait_for(_response(reader), load.patience)
                statuses[status] += 1
                if closes:
                    writer.close()
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                statuses[0] += 1
                if writer:
                    writer.close()
                writer = None
            if load.together:
                await meeting.wait()
            await asyncio.sleep(gap if load.together else chance.uniform(*load.gap))
        if writer:
            writer.close()

    await asyncio.gather(*(client() for _ in range(load.clients)), *([asyncio.to_thread(beside)] if beside else []))
    # Transports close one turn of the loop later.
    await asyncio.sleep(0.01)
    return statuses


async def _response(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Status, and whether the connection is to be closed, of a response that was read whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    closes = headers.get("connection") == "close"
    if "content-length" in headers:
        await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while (size := int((await reader.readline()).split(b";")[0], 16)) >= 0:
            await reader.readexactly(size + 2)
            if size == 0:
                break
    else:
        await reader.read()
        closes = True
    return int(head.split()[1]), closes
