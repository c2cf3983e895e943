"""Calls in a forked child, for tests of what a child can use of its parent's objects."""

import os

import headcount


def results_in_a_child(*calls):
    """Forks, and makes the calls in the child. Returns one text for each: "done", or the kind and the message of the
    ``headcount.Error`` that it raised.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, "\n".join(map(result, calls)).encode())
        finally:
            # After another exception, the child must not continue the tests.
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        results = pipe.read().splitlines()
    os.waitpid(pid, 0)
    return results


def result(call):
    try:
        call()
    except headcount.Error as error:
        return f"{error.kind}: {error}"
    return "done"
