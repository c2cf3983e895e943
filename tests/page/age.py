"""Spreads the history of a mirror in an SQLite file over the last 30 days, for the diagrams of the page: `age.py FILE`.

The stored form of a time is that of core/src/store/codec.rs: seconds since 1970 with the sign bit inverted, and nanoseconds.
"""

import sqlite3
import struct
import sys
import time

DAY = 86_400


def stored(seconds):
    return struct.pack(">QI", int(seconds) ^ (1 << 63), 0)


def main():
    now = time.time()
    with sqlite3.connect(sys.argv[1], timeout=30) as store:
        rows = [seq for (seq,) in store.execute("SELECT seq FROM history ORDER BY seq")]
        for at, seq in enumerate(rows):
            # Slower at first, so that the diagram is no straight line.
            age = 29 * DAY * (1 - (at / max(len(rows) - 1, 1)) ** 0.5)
            store.execute("UPDATE history SET at = ? WHERE seq = ?", (stored(now - age), seq))
        store.execute("UPDATE history_mark SET starts_at = ?", (stored(now - 29 * DAY),))
    store.close()


main()
