"""Quotes for shipments: GET /healthz, GET /v1/rates."""

import json

RATES = {"parcel": 6.90, "pallet": 84.00}


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/healthz":
        status, body = "200 OK", {"status": "ok"}
    elif path == "/v1/rates":
        status, body = "200 OK", RATES
    else:
        status, body = "404 Not Found", {"error": "not found"}
    data = json.dumps(body).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]
