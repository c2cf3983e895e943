"""What the handlers of all applications do: apply the event to a mirror and write it to a log. If the test has asked for it, they answer 503 instead."""

import json
import os
from pathlib import Path

import headcount

FOLDER = Path(os.environ["FIELD_FOLDER"])
MIRROR = headcount.Mirror(FOLDER / "mirror.db")
GUARD = headcount.ReplayGuard.sqlite(FOLDER / "guard.db")


def handle(event):
    """Writes the event to the log. Applies it unless the file `busy` exists. Returns whether the file exists: the application then answers 503."""
    busy = (FOLDER / "busy").exists()
    outcome = "busy" if busy else MIRROR.apply(event)
    line = json.dumps({"id": event.id, "message_id": event.message_id, "type": event.type, "outcome": outcome, "pid": os.getpid()})
    with open(FOLDER / "handled", "a", encoding="utf-8") as log:
        log.write(line + "\n")
    return busy
