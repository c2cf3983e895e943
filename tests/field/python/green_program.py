"""Uses headcount under gevent or eventlet, which the first argument names, with all modules patched. Prints a line for each step that works."""

import sys

NAME = sys.argv[1]
if NAME == "gevent":
    from gevent import monkey

    monkey.patch_all()
    import gevent

    sleep = gevent.sleep

    def spawn(function):
        return gevent.spawn(function)

    def in_thread(function, *arguments, **keywords):
        return gevent.get_hub().threadpool.apply(function, arguments, keywords)

else:
    import eventlet

    eventlet.monkey_patch()
    from eventlet import tpool

    sleep = eventlet.sleep

    def spawn(function):
        return eventlet.spawn(function)

    def in_thread(function, *arguments, **keywords):
        return tpool.execute(function, *arguments, **keywords)


import logging  # noqa: E402

import headcount  # noqa: E402

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
ticks = 0


def tick():
    global ticks
    while True:
        ticks += 1
        sleep(0.005)


spawn(tick)
sleep(0.05)
with headcount.Sandbox(users=30, groups=2) as sandbox:
    client = sandbox.client(timeout=30)
    mirror = headcount.Mirror(":memory:", client=client, webhook_secret=sandbox.webhook_secret)

    # A call blocks its thread, and with it every other greenlet.
    sandbox.fault("latency:300ms")
    before = ticks
    assert len(client.directory.list_directories(sandbox.organization_id)) == 1
    assert ticks == before, "another greenlet ran during a direct call"
    print("direct call", flush=True)

    # A call in a thread of the pool does not block the other greenlets.
    before = ticks
    assert len(in_thread(client.directory.list_directories, sandbox.organization_id)) == 1
    assert ticks >= before + 5, (before, ticks)
    print("call in the pool", flush=True)

    sandbox.fault(None)
    progress = []
    report = in_thread(mirror.sync, sandbox.organization_id, sandbox.directory_id, on_progress=progress.append)
    assert report.outcome == "done" and progress
    assert len(list(mirror.users(sandbox.organization_id))) == 30
    print("sync in the pool", flush=True)

    changes = []

    def consume():
        for change in in_thread(mirror.wait, "consumer", 100, 10):
            changes.append(change)

    consumer = spawn(consume)
    before = ticks
    while not changes:
        sleep(0.01)
    assert ticks > before
    print("feed in the pool", flush=True)
    try:
        in_thread(client.directory.get_directory, sandbox.organization_id, "dir_0")
    except headcount.errors.NotFoundError:
        print("error in the pool", flush=True)
