"""As asgi.py; once /drain was asked for, every response tells its client to close the connection."""

import asyncio

draining = False


async def app(scope, receive, send):  # type: ignore[no-untyped-def]
    global draining
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    draining = draining or scope["path"] == "/drain"
    await asyncio.sleep(0.005)
    headers = [(b"content-length", b"2"), *([(b"connection", b"close")] if draining else [])]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})
