"""What listing benches/peers/listing_server.mjs costs with httpx, by hand: `python list_httpx.py URL CA_FILE`."""

import json
import resource
import ssl
import sys
import time

import httpx

URL, CA_FILE = sys.argv[1:]


def authorized(client):
    form = {"grant_type": "client_credentials", "client_id": "skc_1", "client_secret": "secret"}
    response = client.post("/oauth/token", data=form)
    response.raise_for_status()
    return {"authorization": f"Bearer {response.json()['access_token']}"}


def list_users(client, headers, most):
    """Counts the users up to `most`, and looks at each so that nothing can be skipped."""
    users = email_chars = 0
    query = {"page_size": 30, "include_detail": "true"}
    while True:
        response = client.get("/api/v1/organizations/org_1/directories/dir_1/users", params=query, headers=headers)
        response.raise_for_status()
        page = response.json()
        email_chars += sum(len(user["email"]) for user in page["users"])
        users += len(page["users"])
        if not page["next_page_token"] or users >= most:
            return users, email_chars
        query["page_token"] = page["next_page_token"]


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# Without the environment, so that no proxy comes between.
with httpx.Client(base_url=URL, verify=ssl.create_default_context(cafile=CA_FILE), trust_env=False) as client:
    headers = authorized(client)
    list_users(client, headers, 300)  # the connection, and whatever is made once
    cpu_before, started = cpu(), time.perf_counter()
    users, email_chars = list_users(client, headers, float("inf"))
    wall, used = time.perf_counter() - started, cpu() - cpu_before

if users != 10_000:
    sys.exit(f"{users} users")
max_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
print(
    json.dumps(
        {
            "name": "httpx",
            "version": httpx.__version__,
            "users": users,
            "cpu_us_per_user": round(used * 1e6 / users, 2),
            "wall_ms": round(wall * 1000),
            "max_rss_mb": round(max_rss, 1),
            "email_chars": email_chars,
        }
    )
)
