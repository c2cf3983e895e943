"""Runs the command ``headcount``: ``python -m headcount sync``."""

import signal
import sys

from ._headcount import _run_command


def main() -> None:
    """Runs the command with the arguments of this process, and exits with its exit code."""
    # The command handles Ctrl-C itself. Python's handler would raise KeyboardInterrupt after that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_run_command(["headcount", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
