"""Checked by mypy, never run: what a user may write, and what the checker must refuse."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional

import headcount


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


with headcount.Client.from_env() as shared:
    listing(shared, "org_1")
