"""The application's table of accounts. Replace it with your own."""

import sqlite3

import headcount


class Accounts:
    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path)
        self.db.execute(
            """CREATE TABLE IF NOT EXISTS accounts (
                id INTEGER PRIMARY KEY,
                directory_user_id TEXT NOT NULL UNIQUE,  -- stable, unlike the email address
                email TEXT NOT NULL,
                name TEXT NOT NULL,
                roles TEXT NOT NULL,
                active INTEGER NOT NULL
            )"""
        )

    def save(self, user: headcount.MirrorUser) -> str:
        """Creates or updates a user's account and returns its id. Idempotent, because a change may arrive twice."""
        if not user.email:
            raise ValueError("an account needs an email address")
        values = (user.email, f"{user.given_name} {user.family_name}".strip(), " ".join(user.roles), user.active, user.id)
        with self.db:
            self.db.execute("INSERT OR IGNORE INTO accounts VALUES (NULL, ?, '', '', '', 0)", (user.id,))
            self.db.execute("UPDATE accounts SET email = ?, name = ?, roles = ?, active = ? WHERE directory_user_id = ?", values)
        (number,) = self.db.execute("SELECT id FROM accounts WHERE directory_user_id = ?", (user.id,)).fetchone()
        return f"acct_{number}"

    def deactivate(self, user_id: str) -> None:
        """Locks an account. Accounts are never deleted: their data are still needed, and users may return."""
        with self.db:
            self.db.execute("UPDATE accounts SET active = 0 WHERE directory_user_id = ?", (user_id,))

    def active_ids(self) -> list[str]:
        """Returns the ids of the directory users who have an active account."""
        return [user_id for (user_id,) in self.db.execute("SELECT directory_user_id FROM accounts WHERE active")]

    def describe(self, user_id: str) -> str:
        name, roles, active = self.db.execute(
            "SELECT name, roles, active FROM accounts WHERE directory_user_id = ?", (user_id,)
        ).fetchone()
        return f"{name}: {roles or 'no role'}, {'active' if active else 'locked'}"

    def count(self) -> str:
        total, active = self.db.execute("SELECT count(*), sum(active) FROM accounts").fetchone()
        return f"{total} accounts, {active or 0} active"

    def close(self) -> None:
        self.db.close()
