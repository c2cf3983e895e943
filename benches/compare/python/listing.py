"""Lists the users of a directory with httpx."""

import os
import time
from datetime import datetime

import httpx

RETRIED = {429, 500, 502, 503, 504}


def get(client, *request, **options):
    """Sends a request, and repeats it up to four times after an error that may pass."""
    for attempt in range(5):
        wait = 2**attempt / 2
        try:
            response = client.request(*request, **options)
            if response.status_code not in RETRIED:
                return response.raise_for_status().json()
            wait = float(response.headers.get("retry-after", wait))
        except httpx.TransportError:
            if attempt == 4:
                raise
        if attempt < 4:
            time.sleep(wait)
    return response.raise_for_status().json()


def list_users():
    environment = os.environ
    with httpx.Client(base_url=environment["SCALEKIT_ENVIRONMENT_URL"], timeout=30) as client:
        credentials = {"client_id": environment["SCALEKIT_CLIENT_ID"], "client_secret": environment["SCALEKIT_CLIENT_SECRET"]}
        token = get(client, "POST", "/oauth/token", data={"grant_type": "client_credentials", **credentials})["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        path = f"/api/v1/organizations/{environment['ORGANIZATION']}/directories/{environment['DIRECTORY']}/users"
        query = {"page_size": 100, "include_detail": "true"}
        users = []
        while True:
            page = get(client, "GET", path, params=query)
            for user in page["users"]:
                active = user.get("user_detail", {}).get("active", True)
                users.append((user["id"], user["email"], active, datetime.fromisoformat(user["updated_at"]).timestamp()))
            if not page["next_page_token"]:
                return users, page["total_size"]
            query["page_token"] = page["next_page_token"]
