"""The application's own table of users and leavers, in SQLite: what headcount's mirror is in `with_headcount.py`.

A row stays after its user has left, with the time of the change, so that an older event or an older listing cannot bring the user back.
"""

import sqlite3
import time
from contextlib import contextmanager
from datetime import datetime


class TooMany(Exception):
    """A listing lacks so many users that a person has to look at it."""


class Table:
    def __init__(self, path):
        self.db = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.db.executescript(
            """
            PRAGMA journal_mode = WAL;
            CREATE TABLE IF NOT EXISTS users (
                id TEXT PRIMARY KEY, email TEXT NOT NULL, active INTEGER NOT NULL, changed_at REAL NOT NULL, written_at REAL NOT NULL
            );
            CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, received_at REAL NOT NULL);
            CREATE TABLE IF NOT EXISTS leavers (user_id TEXT PRIMARY KEY, email TEXT NOT NULL);
            """
        )

    @contextmanager
    def transaction(self):
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def save(self, user_id, email, active, changed_at):
        """Saves what an event or a listing says about a user, unless something newer is known."""
        row = self.db.execute("SELECT email, active, changed_at FROM users WHERE id = ?", (user_id,)).fetchone()
        if row is None:
            self.db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?)", (user_id, email or "", active, changed_at, time.time()))
            return
        old_email, was_active, known_at = row
        if changed_at <= known_at:
            return
        email = email or old_email
        self.db.execute(
            "UPDATE users SET email = ?, active = ?, changed_at = ?, written_at = ? WHERE id = ?",
            (email, active, changed_at, time.time(), user_id),
        )
        if was_active and not active:
            self.db.execute("INSERT OR IGNORE INTO leavers VALUES (?, ?)", (user_id, email))
        elif active:
            self.db.execute("DELETE FROM leavers WHERE user_id = ?", (user_id,))

    def apply(self, message_id, event):
        """Applies a verified event, once."""
        if not event["type"].startswith("organization.directory.user_"):
            return
        user = event["data"]
        active = not event["type"].endswith("_deleted") and user.get("active", True)
        with self.transaction():
            if self.db.execute("INSERT OR IGNORE INTO messages VALUES (?, ?)", (message_id, time.time())).rowcount:
                self.save(user["id"], user.get("email"), active, datetime.fromisoformat(event["occurred_at"]).timestamp())

    def sync(self, users, total, started, approve=False):
        """Applies a complete listing: `users` are tuples of id, email, active and time of the last change. Users whom it lacks have left."""
        listed = {user[0]: user for user in users}
        if len(listed) != total:
            raise RuntimeError(f"the listing has {len(listed)} users instead of {total}: it is not applied")
        with self.transaction():
            for user in users:
                self.save(*user)
            rows = self.db.execute("SELECT id, written_at FROM users WHERE active").fetchall()
            missing = [user_id for user_id, written_at in rows if user_id not in listed and written_at < started]
            if len(missing) > max(1, len(rows) // 10) and not approve:
                raise TooMany(f"{len(missing)} of {len(rows)} users are missing: sync with --approve if they left")
            for user_id in missing:
                self.save(user_id, None, False, started)

    def users(self):
        return dict(self.db.execute("SELECT id, email FROM users WHERE active"))

    def leavers(self):
        """Iterates over the leavers, and forgets each one once the next is asked for."""
        for user_id, email in self.db.execute("SELECT user_id, email FROM leavers").fetchall():
            yield user_id, email
            self.db.execute("DELETE FROM leavers WHERE user_id = ?", (user_id,))
