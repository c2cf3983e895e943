"""A Celery application that receives webhooks from a queue. The mirror is opened before the pool is forked."""

import os

from celery import Celery

import headcount
from handling import FOLDER

for name in ("queue", "processed", "results", "control"):
    (FOLDER / name).mkdir(exist_ok=True)
app = Celery("tasks", broker="filesystem://", backend=f"file://{FOLDER / 'results'}")
app.conf.broker_transport_options = {
    "data_folder_in": str(FOLDER / "queue"),
    "data_folder_out": str(FOLDER / "queue"),
    "processed_folder": str(FOLDER / "processed"),
    "control_folder": str(FOLDER / "control"),
}
mirror = headcount.Mirror(FOLDER / "mirror.db")
list(mirror.directories())


@app.task
def receive(body, headers, arrived_at):
    """Receives a request that arrived at `arrived_at`, in Unix seconds."""
    return [mirror.receive(body, headers, now=arrived_at), os.getpid(), os.getppid()]
