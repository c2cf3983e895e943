"""What the handlers of all applications do: write the event to a log, and answer with the status that the test has set."""

import json
import os
from pathlib import Path

import headcount

FOLDER = Path(os.environ["FIELD_FOLDER"])
MIRROR = headcount.Mirror(FOLDER / "mirror.db")
GUARD = headcount.ReplayGuard.sqlite(FOLDER / "guard.db")


def handle(event):
    """Applies the event. Returns whether the application answers 503, which it does while the file `busy` exists."""
    busy = (FOLDER / "busy").exists()
    outcome = "busy" if busy else MIRROR.apply(event)
    line = json.dumps({"id": event.id, "message_id": event.message_id, "type": event.type, "outcome": outcome, "pid": os.getpid()})
    with open(FOLDER / "handled", "a", encoding="utf-8") as log:
        log.write(line + "\n")
    return busy
