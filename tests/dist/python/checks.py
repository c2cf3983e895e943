"""What a user of the installed Python package does first; ends with the interpreter's version. Needs no network but this machine."""

import asyncio
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import headcount
import headcount.testing

assert "site-packages" in headcount.__file__, headcount.__file__
assert Path(headcount.__file__).with_name("py.typed").is_file()
assert headcount.Client.__doc__ and headcount.Mirror.sync.__doc__

# A webhook is verified, and a changed one refused.
body = b'{"spec_version":"1","id":"evt_1","type":"organization.directory_enabled","occurred_at":"2025-01-01T00:00:00Z","environment_id":"env_1","object":"Directory","data":{}}'
webhook = headcount.Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
headers = webhook.sign(body)
assert webhook.verify(body, headers).type == "organization.directory_enabled"
try:
    webhook.verify(body + b" ", headers)
except headcount.WebhookVerificationError:
    pass
else:
    raise AssertionError("a changed body was accepted")

with headcount.Sandbox(users=20, groups=2, seed=1) as sandbox, tempfile.TemporaryDirectory() as folder:
    settings = dict(environment_url=sandbox.environment_url, client_id=sandbox.client_id, client_secret=sandbox.client_secret)
    with headcount.Client(**settings) as client:
        organization = client.organization.list_organizations(page_size=1).organizations[0]
        with headcount.Mirror(str(Path(folder, "mirror.db")), client=client) as mirror:
            reports = mirror.sync_all()
            assert [report.outcome for report in reports] == ["done"], reports
            assert len(list(mirror.users(organization.id))) == 20

    async def list_users():
        async with headcount.AsyncClient(**settings) as client:
            directory = await client.directory.get_primary_directory_by_organization_id(organization.id)
            return [user.email async for user in client.directory.users(organization.id, directory.id)]

    assert len(asyncio.run(list_users())) == 20

# The command, as a program and as a module.
program = Path(sysconfig.get_path("scripts"), "headcount")
for command in [[str(program)], [sys.executable, "-m", "headcount"]]:
    printed = subprocess.run([*command, "--version"], check=True, capture_output=True, text=True, timeout=60).stdout
    assert headcount.__version__ in printed, printed
print("works with", sys.version.split()[0])
