"""Processes that fork, and libraries that replace threads: gunicorn --preload, Celery, gevent, eventlet. Newest versions only."""

import json
import subprocess
import sys
import time

import pytest
from conftest import HERE, Process, eventually

import headcount
from headcount import testing


def test_workers_of_gunicorn_preload_use_what_their_parent_opened(start, sandbox):
    environment = {
        "SCALEKIT_ENVIRONMENT_URL": sandbox.environment_url,
        "SCALEKIT_CLIENT_ID": sandbox.client_id,
        "SCALEKIT_CLIENT_SECRET": sandbox.client_secret,
    }
    server = start("wsgi", "app_preload:app", ["--preload", "--timeout", "50"], **environment)
    webhook = headcount.Webhook(sandbox.webhook_secret)
    for number in range(6):
        body = testing.event("organization.directory.user_created", organization_id="org_1", id=f"evt_{number}")
        message = webhook.sign(body, f"msg_{number}")
        assert server.post(body, message) == 201, "".join(server.output)
        assert server.post(body, message) == 201
    assert len(server.handled()) == 6, "a message that was sent again was handled again"
    assert server.end() == 0


def test_a_celery_pool_receives_webhooks_from_a_queue(tmp_path, sandbox):
    command = ["celery", "--app", "tasks", "worker", "--pool", "prefork", "--concurrency", "2", "--loglevel", "INFO", "--without-gossip"]
    worker = Process([*command, "--without-mingle"], tmp_path, {"SCALEKIT_WEBHOOK_SECRET": sandbox.webhook_secret})
    try:
        worker.wait_for(r"ready\.")
        # The requests waited in a queue for an hour. They are accepted only because the worker passes the time at which they arrived.
        arrived_at = int(time.time()) - 3600
        webhook = headcount.Webhook(sandbox.webhook_secret)
        program = (
            "import json, sys, tasks\n"
            "sent = [tasks.receive.delay(*call) for call in json.load(sys.stdin)]\n"
            "print(json.dumps([one.get(timeout=40) for one in sent]))\n"
        )
        calls = []
        for number in range(8):
            body = testing.event("organization.directory.user_created", organization_id="org_1", id=f"evt_{number}").decode()
            calls.append([body, webhook.sign(body, timestamp=arrived_at), arrived_at])
        asked = subprocess.run(
            [sys.executable, "-c", program],
            cwd=HERE,
            input=json.dumps(calls),
            env={"FIELD_FOLDER": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert asked.returncode == 0, asked.stderr + "".join(worker.output)
        results = json.loads(asked.stdout)
        assert [outcome for outcome, _, _ in results] == ["pending"] * 8
        assert {parent for _, _, parent in results} == {worker.process.pid}, "the tasks ran in children of the worker"
    finally:
        worker.end()


@pytest.mark.parametrize("name", ["gevent", "eventlet"])
def test_calls_in_the_thread_pool_let_greenlets_run(name, tmp_path):
    program = Process(["green_program", name], tmp_path, {})
    for step in ["direct call", "call in the pool", "sync in the pool", "feed in the pool", "error in the pool"]:
        program.wait_for(f"^{step}$")
    eventually(lambda: program.process.poll() is not None, "the end of the program")
    assert program.process.returncode == 0, "".join(program.output)
