"""The application's table of accounts, in its own schema of the database. Replace it with your own."""

import headcount
import psycopg


class Accounts:
    def __init__(self, url: str) -> None:
        self.db = psycopg.connect(url, autocommit=True)
        with self.db.transaction():
            # Only one process creates the table if several start at once.
            self.db.execute("SELECT pg_advisory_xact_lock(1)")
            self.db.execute(
                """CREATE TABLE IF NOT EXISTS accounts (
                    directory_user_id text PRIMARY KEY,  -- stable, unlike the email address
                    email text NOT NULL,
                    name text NOT NULL,
                    roles text NOT NULL,
                    active boolean NOT NULL
                )"""
            )

    def save(self, user: headcount.MirrorUser) -> None:
        """Creates or updates a user's account. Idempotent, because a change may arrive twice."""
        if not user.email:
            raise ValueError("an account needs an email address")
        name = f"{user.given_name} {user.family_name}".strip()
        self.db.execute(
            """INSERT INTO accounts VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (directory_user_id) DO UPDATE SET email = excluded.email, name = excluded.name, roles = excluded.roles, active = excluded.active""",
            (user.id, user.email, name, " ".join(user.roles), user.active),
        )

    def deactivate(self, user_id: str) -> None:
        """Locks an account. Accounts are never deleted: their data are still needed, and users may return."""
        self.db.execute("UPDATE accounts SET active = false WHERE directory_user_id = %s", (user_id,))

    def count(self) -> str:
        total, active = self.db.execute("SELECT count(*), count(*) FILTER (WHERE active) FROM accounts").fetchone()
        return f"{total} accounts, {active} active"

    def close(self) -> None:
        self.db.close()


if __name__ == "__main__":
    import settings

    print(settings.open_accounts().count())
