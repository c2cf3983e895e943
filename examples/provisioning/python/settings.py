"""Opens the mirror and the accounts. Environment variables: SCALEKIT_*, and MIRROR and ACCOUNTS for the paths of the files."""

import os

import headcount
from accounts import Accounts


def open_mirror() -> headcount.Mirror:
    return headcount.Mirror(os.environ.get("MIRROR", "mirror.db"), client=headcount.Client.from_env())


def open_accounts() -> Accounts:
    return Accounts(os.environ.get("ACCOUNTS", "accounts.db"))
