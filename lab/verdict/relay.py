"""The network between a balancer and a server: it delays, decides for new connections, forgets flows, and dies."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial

from lab.measure import HOST
from lab.process import free_port


class Relay:
    """Passes bytes on, ``delay`` seconds later. New connections go to ``target``; what is established stays.

    ``parts``: requests arrive in two packets, the second 20 ms after the first.
    ``forgets``: after so many seconds without a byte the next one is answered with a reset, as an NLB does.
    ``dead``: nothing is passed on and nothing answered, as by a node that is gone.
    """

    def __init__(self, target: int, delay: float = 0.002, forgets: float = float("inf"), parts: bool = False) -> None:
        self.target, self.port, self.delay = target, free_port(), delay
        self.forgets, self.parts = forgets, parts
        self.dead = False
        # The loop itself holds tasks weakly, and where nothing passes nobody else may hold them.
        self._tasks: list[asyncio.Task[object] | None] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self) -> Relay:
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(5)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()

    async def _listen(self) -> None:
        self.server = await asyncio.start_server(self._connected, HOST, self.port, backlog=1024)

    async def _end(self) -> None:
        self.server.close()
        open_now = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        # Transports close one turn of the loop later.
        await asyncio.sleep(0.01)

    async def _connected(self, inner: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            outer, forth = await asyncio.open_connection(HOST, self.target)
        except OSError:
            back.transport.abort()
            return
        seen = [self.loop.time()]
        self._tasks.append(asyncio.current_task())
        self._writers += back, forth
        # It is cancelled when the relay ends, and that is no error.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._pass(inner, forth, back, seen, self.parts), self._pass(outer, back, forth, seen, False)
            )

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        seen: list[float],
        parts: bool,
    ) -> None:
        # Bytes, the end and a reset all arrive later by the same time, in their order.
        try:
            while data := await source.read(65536):
                now, before = self.loop.time(), seen[0]
                seen[0] = now
                if now - before > self.forgets:
                    sink.transport.abort()
                    back.transport.abort()
                    return
                first, second = (data[:20], data[20:]) if parts else (data, b"")
                self._later(sink, partial(sink.write, first))
                if second:
                    self._later(sink, partial(sink.write, second), 0.02)
            self._later(sink, sink.close)
        except OSError:
            self._later(sink, sink.transport.abort)

    def _later(self, sink: asyncio.StreamWriter, act: Callable[[], None], more: float = 0.0) -> None:
        self.loop.call_later(self.delay + more, lambda: None if sink.transport.is_closing() or self.dead else act())
