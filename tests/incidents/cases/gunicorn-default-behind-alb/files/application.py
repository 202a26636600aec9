from flask import Flask

application = Flask(__name__)


@application.get("/healthz")
def healthz():
    return "ok"
