"""Lists users with httpx: `python with_httpx.py URL CA_FILE`. The server is server.mjs."""

import ssl
import sys

import httpx
from measure import measure

URL, CA_FILE = sys.argv[1:]

# The environment variables could set a proxy.
with httpx.Client(base_url=URL, verify=ssl.create_default_context(cafile=CA_FILE), trust_env=False) as client:
    form = {"grant_type": "client_credentials", "client_id": "skc_1", "client_secret": "secret"}
    token = client.post("/oauth/token", data=form).raise_for_status().json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}

    def list_users(most):
        users = email_chars = detail_chars = 0
        query = {"page_size": 30, "include_detail": "true"}
        while True:
            response = client.get("/api/v1/organizations/org_1/directories/dir_1/users", params=query, headers=headers)
            response.raise_for_status()
            page = response.json()
            for user in page["users"]:
                email_chars += len(user["email"])
                detail_chars += len(user["user_detail"]["title"])
            users += len(page["users"])
            if not page["next_page_token"] or users >= most:
                return users, email_chars, detail_chars
            query["page_token"] = page["next_page_token"]

    measure("httpx, by hand", httpx.__version__, list_users)
