"""Lists users with headcount for Python: `python with_headcount.py URL CA_FILE`. The server is server.mjs."""

import sys

import headcount
from measure import measure

URL, CA_FILE = sys.argv[1:]

with headcount.Client(URL, "skc_1", "secret", ca_file=CA_FILE, proxy="") as client:

    def list_users(most):
        users = email_chars = detail_chars = 0
        for user in client.directory.users("org_1", "dir_1", include_detail=True):
            users += 1
            email_chars += len(user.email)
            detail_chars += len(user.user_detail["title"])
            if users == most:
                break
        return users, email_chars, detail_chars

    measure("headcount", headcount.__version__, list_users)
