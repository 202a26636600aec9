"""What an insurance costs: GET /healthz, GET /v1/quotes."""

import json

QUOTES = {"hail": 41.20, "drought": 67.50}


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/healthz":
        status, body = "200 OK", {"status": "ok"}
    elif path == "/v1/quotes":
        status, body = "200 OK", QUOTES
    else:
        status, body = "404 Not Found", {"error": "not found"}
    data = json.dumps(body).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]
