"""Checked by mypy, never run: what a user may write, and what the checker must refuse."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Optional

import headcount
from headcount import events, testing


def listing(client: headcount.Client, organization_id: str) -> list[str]:
    directory: headcount.Directory = client.directory.get_primary_directory_by_organization_id(organization_id)
    page: headcount.UserPage = client.directory.list_directory_users(
        organization_id, directory.id, page_size=30, updated_after=datetime.now(timezone.utc)
    )
    page.users[0].mail  # type: ignore[attr-defined]
    client.directory.users(organization_id, directory.id, pagesize=30)  # type: ignore[call-arg]
    moment: Optional[datetime] = page[0].updated_at
    print(moment, len(page), page.total_size, [group.display_name for group in page[0].groups])
    return [user.email for user in client.directory.users(organization_id, directory.id, include_detail=True)]


def receive(body: bytes, headers: dict[str, str]) -> int:
    try:
        event: headcount.Event = headcount.Webhook(["whsec_1", "whsec_2"], tolerance=60).verify(body, headers)
    except headcount.WebhookVerificationError as error:
        print(error.reason)
        return 400
    except headcount.ApiError as error:
        print(error.status, error.code, error.details)
        raise
    print(event.type, event.data["email"])
    return 201


def own_tests(guard: headcount.ReplayGuard) -> bool:
    with headcount.Sandbox(users=3, token_ttl=60) as sandbox:
        user: headcount.User = sandbox.create_user("ada@example.com", groups=["Engineering"])
        sandbox.fault("429", None, every=2)
        sandbox.fault(429)  # type: ignore[arg-type]
        sandbox.advance(timedelta(hours=6))
        client: headcount.Client = sandbox.client(timeout=5)
        print(user.id, client, sandbox.deliveries()[0]["state"])
        body: bytes = testing.event(events.RoleCreated, data={"id": "role_1"}, organization_id="org_1")
        testing.event(events.RoleCreated, organisation_id="org_1")  # type: ignore[call-arg]
        status: int = testing.deliver("http://127.0.0.1:1/", body, secret=sandbox.webhook_secret)
        testing.deliver("http://127.0.0.1:1/", "role.created", organisation_id="org_1")  # type: ignore[call-arg]
    headcount.ReplayGuard.custom(contains=lambda id: False, record=lambda id, until: print(id, until.isoformat()), retention=60)
    return status == 201 and guard.check_id("msg_1")


with headcount.Client.from_env() as shared:
    listing(shared, "org_1")
