"""An application for `gunicorn --preload`: everything is opened and used before the workers are forked."""

import threading

import headcount
import headcount.wsgi
from handling import FOLDER, GUARD, MIRROR

CLIENT = headcount.Client.from_env()
ORGANIZATION = next(iter(CLIENT.organization.all())).id
SYNCED = headcount.Mirror(FOLDER / "synced.db", client=CLIENT)
SYNCED.sync(ORGANIZATION)
# Syncs run in the parent while the workers are forked.
threading.Thread(target=lambda: [SYNCED.sync(ORGANIZATION, mode="full") for _ in range(20)], daemon=True).start()


def handler(event):
    MIRROR.apply(event)
    reports = SYNCED.sync(ORGANIZATION, mode="full")
    assert all(report.outcome == "done" for report in reports), reports
    assert len(list(SYNCED.users(ORGANIZATION))) >= 3
    with open(FOLDER / "handled", "a", encoding="utf-8") as log:
        log.write("{}\n")


app = headcount.wsgi.endpoint(handler, replay_guard=GUARD)
