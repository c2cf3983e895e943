"""Syncs the mirror with every directory. Run it every few minutes. It lists what changed, and everything once a day or with --full."""

import argparse
import sys
from typing import Literal, Optional, Sequence

import headcount
import settings


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="list everything now: only a full listing finds users who left without a webhook")
    parser.add_argument("--plan", action="store_true", help="print what the sync would do, and change nothing")
    parser.add_argument("--explain", metavar="USER", help="print why the directory user with this id has or lost access")
    parser.add_argument("--approve", metavar="HOLD", help="apply the losses of access of this hold")
    parser.add_argument("--by", default="", help="who approves")
    parser.add_argument("--note", default="", help="why")
    options = parser.parse_args(arguments)
    mode = "full" if options.full else "auto"
    with settings.open_mirror() as mirror:
        if options.explain:
            print(mirror.explain(options.explain))
            return 0
        if options.approve:
            count = mirror.approve(options.approve, by=options.by, note=options.note)
            print(f"{count} users lost access")
            return 0
        reports = plan(mirror, mode) if options.plan else mirror.sync_all(mode=mode)
    for report in reports:
        print(describe(report))
        for hold in report.holds:
            print(f"  held: {hold.reason}, {hold.count} users, {hold.limit} permitted: look at {hold.id}, then approve or dismiss it")
    if options.plan:
        print("planned only: nothing was changed")
    return exit_code(reports)


def plan(mirror: headcount.Mirror, mode: Literal["auto", "full"]) -> list[headcount.SyncReport]:
    """Returns the reports that a sync of every organization would make. Changes nothing."""
    reports = []
    with headcount.Client.from_env() as client:
        for organization in client.organization.all():
            with mirror.plan(organization.id, mode=mode) as planned:
                reports += planned.reports
    return reports


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
