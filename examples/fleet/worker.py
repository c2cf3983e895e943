"""Updates the accounts from the feed. Up to 16 workers share the changes; only one of them at a time gets those of a user, in order."""

from contextlib import closing

import headcount
import settings
from accounts import Accounts

ROLES = {"Engineering": "developer", "Sales": "seller", "*": "member"}


def main() -> None:
    settings.exit_at_sigterm()
    with settings.open_mirror() as mirror, closing(settings.open_accounts()) as accounts:
        mirror.set_role_map(ROLES)
        with mirror.consumer("provisioner", partitions=16) as feed:
            for change in feed:
                handle(change, accounts)
                # If this process ends before this line, another worker gets the change again.
                change.ack()


def handle(change: headcount.Change, accounts: Accounts) -> None:
    user = change.user
    if user is None:
        return  # changes of groups and directories do not affect accounts
    if change.kind in ("user.created", "user.updated", "user.reactivated", "roles.changed"):
        accounts.save(user)
    elif change.kind in ("user.deactivated", "user.deleted"):
        accounts.deactivate(user.id)


if __name__ == "__main__":
    main()
