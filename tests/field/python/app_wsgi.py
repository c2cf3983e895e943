from http import HTTPStatus

import headcount.wsgi
from handling import GUARD, handle

app = headcount.wsgi.endpoint(lambda event: HTTPStatus.SERVICE_UNAVAILABLE if handle(event) else None, replay_guard=GUARD)
