"""Syncs the mirror with every directory. Run it every few minutes. It lists what changed, and everything once a day or with --full."""

import argparse
import sys
from typing import Optional, Sequence

import headcount
import settings


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="list everything now: only a full listing finds users who left without a webhook")
    parser.add_argument("--approve", metavar="HOLD", help="apply the losses of access of this hold")
    parser.add_argument("--by", default="", help="who approves")
    parser.add_argument("--note", default="", help="why")
    options = parser.parse_args(arguments)
    with settings.open_mirror() as mirror:
        if options.approve:
            count = mirror.approve(options.approve, by=options.by, note=options.note)
            print(f"{count} users lost access")
            return 0
        reports = mirror.sync_all(mode="full" if options.full else "auto")
    for report in reports:
        print(describe(report))
        for hold in report.holds:
            print(f"  held: {hold.reason}, {hold.count} users, {hold.limit} permitted: look at {hold.id}, then approve or dismiss it")
    return exit_code(reports)


def describe(report: headcount.SyncReport) -> str:
    where = f"{report.organization_id} {report.directory_id}"
    if report.outcome == "failed":
        return f"{where}: {report.error}"
    return f"{where}: {report.outcome}, {report.created} new, {report.updated} changed, {report.deleted} removed"


def exit_code(reports: Sequence[headcount.SyncReport]) -> int:
    """Returns 1 if a sync failed, 3 if one has the outcome ``held``, and 0 otherwise."""
    outcomes = {report.outcome for report in reports}
    return 1 if "failed" in outcomes else 3 if "held" in outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
