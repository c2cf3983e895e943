"""Updates the accounts from the mirror's feed. Runs until it is interrupted, or with --once until all changes are handled."""

import sys
from contextlib import closing
from typing import Iterable, Optional, Sequence

import headcount
import settings
from accounts import Accounts

ROLES = {"Engineering": "developer", "Sales": "seller", "*": "member"}


def main(arguments: Optional[Sequence[str]] = None) -> None:
    once = "--once" in (sys.argv[1:] if arguments is None else arguments)
    with settings.open_mirror() as mirror, closing(settings.open_accounts()) as accounts:
        mirror.set_role_map(ROLES)
        follow(mirror.changes("provisioner", timeout=0 if once else None), mirror, accounts)


def follow(changes: Iterable[headcount.Change], mirror: headcount.Mirror, accounts: Accounts) -> None:
    for change in changes:
        try:
            handle(change, mirror, accounts)
        except ValueError as error:
            # Retrying cannot help: the change is put aside for a person, so that it does not delay the others.
            change.park(str(error))
        else:
            # After any other exception the change is not acknowledged, and arrives again when this program is restarted.
            change.ack()


def handle(change: headcount.Change, mirror: headcount.Mirror, accounts: Accounts) -> None:
    user = change.user
    if user is None:
        return  # changes of groups and directories do not affect accounts
    if change.kind in ("user.created", "user.updated", "user.reactivated", "roles.changed"):
        account_id = accounts.save(user)
        if user.linked_id is None:
            link(mirror, user.id, account_id)
    elif change.kind in ("user.deactivated", "user.deleted"):
        accounts.deactivate(user.id)


def link(mirror: headcount.Mirror, user_id: str, account_id: str) -> None:
    try:
        mirror.link(user_id, account_id)
    except headcount.NotFoundError:
        pass  # the user was removed in the meantime: a user.deleted follows


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
