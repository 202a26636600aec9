"""Where a parcel is: GET /healthz, GET /v1/parcels/{number}."""

from pathlib import Path

from fastapi import FastAPI, HTTPException

# Made by the preStop hook.
DRAINING = Path("/tmp/draining")
PARCELS = {"PX-1004": {"state": "in transit", "hub": "Leipzig"}}

app = FastAPI()


@app.middleware("http")
async def close_while_draining(request, call_next):
    """The ALB knows nodes, not pods: only on a new connection does kube-proxy choose another pod."""
    response = await call_next(request)
    if DRAINING.exists():
        response.headers["Connection"] = "close"
    return response


@app.get("/healthz")
async def healthz():
    return {"status": "ok"}


@app.get("/v1/parcels/{number}")
async def parcel(number: str):
    if number not in PARCELS:
        raise HTTPException(404)
    return PARCELS[number]
