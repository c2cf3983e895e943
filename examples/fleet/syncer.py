"""Syncs the mirror with every directory, again and again. Several may run: because of a lease, only one of them syncs a directory at a time."""

import os
import random
import time

import headcount
import settings

# Seconds between syncs. Webhooks keep the mirror up to date, and syncs find the changes whose webhooks are lost.
INTERVAL = float(os.environ.get("SYNC_INTERVAL", "300"))


def main() -> None:
    settings.exit_at_sigterm()
    with headcount.Client.from_env() as client, settings.open_mirror(client) as mirror:
        while True:
            try:
                for report in mirror.sync_all():
                    print(report.organization_id, report.directory_id, report.outcome, report.error or "", flush=True)
            except headcount.Error as error:
                # The next sync tries again. If `mirror.status()` shows that the last sync is long ago, raise an alert.
                print(f"sync failed: {error}", flush=True)
            # Random, so that several syncers do not start at the same time.
            time.sleep(INTERVAL * random.uniform(0.8, 1.2))


if __name__ == "__main__":
    main()
