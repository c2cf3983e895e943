"""Opens what the programs share: the mirror and the application's database. Environment variables: SCALEKIT_*, and DATABASE_URL."""

import os
import signal
import sys
from typing import Optional

import headcount
from accounts import Accounts

DATABASE_URL = os.environ["DATABASE_URL"]


def open_mirror(client: Optional[headcount.Client] = None) -> headcount.Mirror:
    """Opens the mirror, which is in the schema ``headcount`` of the application's database."""
    return headcount.Mirror(DATABASE_URL, client=client)


def open_accounts() -> Accounts:
    return Accounts(DATABASE_URL)


def exit_at_sigterm() -> None:
    """Makes SIGTERM, which containers and systemd send, leave all ``with`` blocks: a worker then releases its partitions at once."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
