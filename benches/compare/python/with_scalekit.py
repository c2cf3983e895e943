"""A program with the vendor's SDK: `with_scalekit.py sync | serve | users | leavers`."""

import os
import time
from functools import cache

from application import main
from scalekit import ScalekitClient
from scalekit.common.exceptions import ScalekitTooManyRequestsException, WebhookVerificationError
from scalekit.v1.directories.directories_pb2 import ListDirectoryUsersRequest


@cache
def client():
    return ScalekitClient(*(os.environ["SCALEKIT_" + name] for name in ("ENVIRONMENT_URL", "CLIENT_ID", "CLIENT_SECRET")))


def verify(secret, headers, body):
    try:
        return client().verify_webhook_payload(secret, headers, body)
    except WebhookVerificationError:
        return False


def page_after(token):
    """Requests a page. The SDK repeats a request after a 503, but not after a 429.

    `directory.list_directory_users` of version 2.21.0 cannot be used: it raises AttributeError for a directory that has users. So this makes the
    request that it makes, with the SDK's functions.
    """
    directory = client().directory
    request = ListDirectoryUsersRequest(
        organization_id=os.environ["ORGANIZATION"],
        directory_id=os.environ["DIRECTORY"],
        page_size=100,
        page_token=token,
        include_detail=True,
    )
    for attempt in range(5):
        try:
            return directory.core_client.grpc_exec(directory.directory_service.ListDirectoryUsers.with_call, request)[0]
        except ScalekitTooManyRequestsException:
            if attempt == 4:
                raise
        time.sleep(2**attempt / 2)


def list_users():
    users, token = [], ""
    while True:
        page = page_after(token)
        for user in page.users:
            active = user.user_detail["active"] if "active" in user.user_detail else True
            users.append((user.id, user.email, bool(active), user.updated_at.ToMicroseconds() / 1e6))
        token = page.next_page_token
        if not token:
            return users, page.total_size


if __name__ == "__main__":
    main(verify, list_users)
