"""Syncs the mirror with every directory. Run it every few minutes, and with --full once a day."""

import argparse
import sys
from typing import Optional, Sequence

import headcount
import settings


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="list everything: the only way to find users who left without a webhook")
    parser.add_argument("--approve", nargs=2, metavar=("ORGANIZATION", "DIRECTORY"), help="apply the held removals of this directory")
    options = parser.parse_args(arguments)
    with settings.open_mirror() as mirror:
        if options.approve:
            reports = [mirror.sync(*options.approve, mode="full", approve_removals=True)]
        else:
            reports = mirror.sync_all(mode="full" if options.full else "auto")
    for report in reports:
        print(describe(report))
    return 1 if any(report.error for report in reports) else 0


def describe(report: headcount.SyncReport) -> str:
    where = f"{report.organization_id} {report.directory_id}"
    if isinstance(report.error, headcount.MassRemovalError):
        return f"{where}: {report.error.count} users would be removed, more than {report.error.limit}: check them, then run with --approve {where}"
    if report.error is not None:
        return f"{where}: {report.error}"
    return f"{where}: {report.outcome}, {report.created} new, {report.updated} changed, {report.deleted} removed"


if __name__ == "__main__":
    sys.exit(main())
