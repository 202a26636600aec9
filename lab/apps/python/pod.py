"""A pod's app, for ASGI (`app`) and WSGI (`wsgi`): /work/SECONDS takes so long, /drain starts a drain.

In the drain /ready is 503, and with CLOSES set every response tells its client to close the connection. STARTS: how
many seconds pass before the server listens.
"""

import asyncio
import os
import time

draining = False


def seconds(path: str) -> float:
    return float(path.rpartition("/")[2]) if path.startswith("/work/") else 0.005


async def app(scope, receive, send):  # type: ignore[no-untyped-def]
    global draining
    if scope["type"] == "lifespan":
        await receive()
        await asyncio.sleep(float(os.environ.get("STARTS", "0")))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    draining = draining or scope["path"] == "/drain"
    await asyncio.sleep(seconds(scope["path"]))
    status = 503 if draining and scope["path"] == "/ready" else 200
    closes = [(b"connection", b"close")] if draining and "CLOSES" in os.environ else []
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2"), *closes]})
    await send({"type": "http.response.body", "body": b"ok"})


def wsgi(environ, start_response):  # type: ignore[no-untyped-def]
    time.sleep(seconds(environ["PATH_INFO"]))
    start_response("200 OK", [("Content-Length", "2"), ("Content-Type", "text/plain")])
    return [b"ok"]
