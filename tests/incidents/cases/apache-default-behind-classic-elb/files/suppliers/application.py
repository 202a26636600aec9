def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
