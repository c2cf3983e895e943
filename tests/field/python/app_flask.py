from flask import Flask

import headcount.flask
from handling import GUARD, handle

app = Flask(__name__)
app.add_url_rule(
    "/webhooks/scalekit",
    view_func=headcount.flask.endpoint(lambda event: ("busy", 503) if handle(event) else None, replay_guard=GUARD),
    methods=["POST"],
)
