"""Measures the CPU time and memory of a listing, for the clients that `benches/bench_listing.py` compares."""

import json
import resource
import sys
import time


def cpu():
    """Returns the CPU time that this process has used, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(name, version, list_users):
    """Measures `list_users(inf)`, and prints the result as JSON.

    `list_users(most)` lists at least `most` users, or all, and reads the email address and the title of each. It returns the numbers of users and of
    the characters in addresses and titles.
    """
    list_users(300)  # fetches the token, opens the connection and fills caches
    cpu_before, started = cpu(), time.perf_counter()
    users, email_chars, detail_chars = list_users(float("inf"))
    wall, used = time.perf_counter() - started, cpu() - cpu_before
    max_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    result = {
        "name": name,
        "version": version,
        "users": users,
        "cpu_us_per_user": round(used * 1e6 / users, 2),
        "wall_ms": round(wall * 1000),
        "max_rss_mb": round(max_rss, 1),
        "email_chars": email_chars,
        "detail_chars": detail_chars,
    }
    print(json.dumps(result))
