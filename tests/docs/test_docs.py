"""Runs every code block of the documents against a sandbox. Blocks in Rust are doctests of the core (`core/src/lib.rs`)."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import postgres  # noqa: E402
from sandbox import PROGRAM, Sandbox  # noqa: E402

# The blocks of each tutorial are one program, which test_tutorial.py, test_provisioning_node.py or test_command.py runs. tests/field/node builds the configurations of
# docs/bundlers.md, tests/field/python runs the commands of examples/fleet, and tests/dist those of docs/installing.md.
TUTORIALS = {"examples/provisioning/README.md", "examples/provisioning/node/README.md", "docs/bundlers.md", "docs/installing.md", "docs/command.md", "docs/serve.md", "examples/fleet/README.md"}

# URL of the database in docs/postgresql.md; the test replaces it by that of its own server.
DATABASE = "postgresql://app@db.example.com/app?sslmode=verify-full"

BODY = '{"id":"evt_1","type":"organization.directory.user_created","occurred_at":"2025-01-06T18:44:25Z","organization_id":"org_1","data":{"id":"diruser_1","email":"ada@example.com"}}'


def blocks():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    for name in sorted(set(listed.stdout.split()) - TUTORIALS):
        for at, found in enumerate(re.finditer(r"^```(\S*)\n(.*?)^```$", (ROOT / name).read_text(), re.M | re.S)):
            if found[1] == "text":
                continue  # the output of a program
            yield pytest.param(name, found[1], found[2], id=f"{name}-{at}-{found[1]}")


@pytest.fixture(scope="module")
def env():
    sandbox = Sandbox(organizations=3, users=40, groups=5)
    yield {**os.environ, **sandbox.env}
    sandbox.close()


@pytest.mark.parametrize("document, language, code", list(blocks()))
def test_the_code_block_runs(document, language, code, env, tmp_path):
    if document == "docs/postgresql.md" and not language.startswith("rust"):
        assert DATABASE in code
        code = code.replace(DATABASE, postgres.url())
    RUNNERS[language](code, env, tmp_path)


def run(command, env, cwd, **options):
    ended = subprocess.run(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, **options)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


# Opens a mirror, syncs it, and receives the event that its first user was deleted, which the guard holds.
HELD = """import json
from datetime import datetime, timezone
with headcount.Client.from_env() as client, headcount.Mirror(":memory:", client=client, guard_users=0, guard_share=0) as mirror:
    organization = next(iter(client.organization.all()))
    mirror.sync(organization.id)
    user = next(iter(mirror.users(organization.id)))
    event = {"id": "evt_left", "type": "organization.directory.user_deleted", "occurred_at": datetime.now(timezone.utc).isoformat(), "organization_id": organization.id}
    body = json.dumps({**event, "data": {"id": user.id, "organization_id": organization.id}})
    mirror.receive(body, headcount.Webhook().sign(body))
"""

# The same in JavaScript, with these options of the mirror.
HELD_IN_NODE = """
import assert from 'node:assert'
import { Client, Mirror, Webhook } from 'headcount'
const client = Client.fromEnv()
const mirror = new Mirror(':memory:', { client, OPTIONS })
const { value: organization } = await client.organization.all().next()
await mirror.sync(organization.id)
const { value: user } = await mirror.users(organization.id).next()
const event = { id: 'evt_left', type: 'organization.directory.user_deleted', occurred_at: new Date().toISOString(), organization_id: organization.id }
const body = JSON.stringify({ ...event, data: { id: user.id, organization_id: organization.id } })
await mirror.receive(body, new Webhook().sign(body))
"""

# Code that is appended to a Python block that contains the key.
CALLS = {
    "\napplication = ": "from headcount import testing\nassert testing.deliver_wsgi(application, BODY) == 201\n",
    "\napp = FastAPI": "from headcount import testing\nassert testing.deliver_asgi(app, BODY, path='/webhooks/scalekit') == 201\n",
    "def handle_once": (
        "webhook = headcount.Webhook()\nevent = webhook.verify(BODY, webhook.sign(BODY))\n"
        "handle_once(event)\nassert guard.check(event) is False\nhandle_once(event)\n"
    ),
    "def check": (
        "with headcount.Client.from_env() as client, headcount.Mirror(':memory:', client=client) as mirror:\n"
        "    organization = next(iter(client.organization.all()))\n"
        "    directory = client.directory.get_primary_directory_by_organization_id(organization.id)\n"
        "    assert check(mirror, organization.id, directory.id)\n"
    ),
    "def metrics": (
        "answers = []\nbody = b''.join(metrics({}, lambda *answer: answers.append(answer)))\n"
        "assert body.endswith(b'# EOF\\n') and answers[0][0] == '200 OK'\nmirror.close()\n"
    ),
    "def protect_administrators": (
        "with headcount.Client.from_env() as client, headcount.Mirror(':memory:', client=client) as mirror:\n"
        "    organization = next(iter(client.organization.all()))\n"
        "    mirror.set_role_map({'*': 'admin'})\n"
        "    mirror.sync(organization.id)\n"
        "    protections = lambda: {user.protection for user in mirror.users(organization.id)}\n"
        "    protect_administrators(mirror, organization.id)\n"
        "    assert 'administrator' in protections()\n"
        "    mirror.set_role_map({})\n"
        "    protect_administrators(mirror, organization.id)\n"
        "    assert protections() == {None}\n"
    ),
    "def review": HELD + (
        "    (hold,) = review(mirror, organization.id)\n"
        "    assert hold.reason == 'deletion_burst'\n"
        "    assert decide(mirror, hold, approved=True, by='ops', note='has left') == 1\n"
        "    assert mirror.approvals(organization.id)[0].by == 'ops'\n"
        "    assert mirror.user(user.id) is None and review(mirror, organization.id) == []\n"
    ),
    "def offboard": HELD.replace("guard_users=0, guard_share=0", "deletion_grace=GRACE") + (
        "    assert mirror.user(user.id).deletes_at - datetime.now(timezone.utc) <= GRACE\n"
        "    offboard(mirror)\n"
        "    assert mirror.poll('accounts') == []\n"
    ),
    "def follow": HELD.replace("guard_users=0, guard_share=0", "guard_users=100") + (
        "    closed = []\n"
        "    follow(mirror, closed.append, timeout=0)\n"
        "    assert [leaver.id for leaver in closed] == [user.id]\n"
        "    assert mirror.poll('accounts') == []\n"
    ),
    "def worker": (
        "import queue\nwaiting = queue.Queue()\n"
        "assert endpoint(BODY, headcount.Webhook().sign(BODY), waiting) == 201\nworker(waiting)\nassert waiting.empty()\n"
    ),
}


def python(code, env, folder):
    called = [call for defined, call in CALLS.items() if defined in code]
    if called:
        code += f"\nBODY = {BODY.encode()!r}\n" + "".join(called)
        (folder / "block.py").write_text(code)
        run([sys.executable, "-W", "error", "block.py"], env, folder)
        return
    if "def receive" in code:
        code += f"""
import sys
body = {BODY.encode()!r}
answers = [receive(body, webhook.sign(body)), receive(body + b" ", webhook.sign(body))]
assert [a if isinstance(a, int) else a[0] for a in answers] == [201, 400], answers
"""
    (folder / "block.py").write_text(code)
    output = run([sys.executable, "-W", "error", "block.py"], env, folder)
    assert "receive" in code or output.count("@") >= 40, output


def javascript(code, env, folder):
    if "function receive" in code:
        code += f"""
import assert from 'node:assert'
const body = {json.dumps(BODY)}
const answers = [receive(body, webhook.sign(body)), receive(`${{body}} `, webhook.sign(body))]
assert.deepEqual(answers.map((answer) => [answer].flat()[0]), [201, 400])
"""
    if "function metrics" in code:
        code += """
import assert from 'node:assert'
const sent = await new Promise((end) => metrics({}, { setHeader() {}, end }))
assert.ok(sent.endsWith('# EOF\\n'))
await mirror.close()
"""
    if "function review" in code:
        code += HELD_IN_NODE.replace("OPTIONS", "guardUsers: 0, guardShare: 0") + """
const [hold] = await review(mirror, organization.id)
assert.equal(hold.reason, 'deletion_burst')
assert.equal(await decide(mirror, hold, { approved: true, by: 'ops', note: 'has left' }), 1)
assert.equal(await mirror.user(user.id), null)
await mirror.close()
client.close()
"""
    if "function offboard" in code:
        code += HELD_IN_NODE.replace("OPTIONS", "deletionGraceSeconds: graceSeconds") + """
assert.ok((await mirror.user(user.id)).deletesAt)
await offboard(mirror)
assert.deepEqual(await mirror.poll('accounts'), [])
await mirror.close()
client.close()
"""
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "headcount").symlink_to(ROOT / "bindings-node")
    (folder / "block.mjs").write_text(code)
    output = run(["node", "block.mjs"], env, folder)
    is_called = any(f"function {name}" in code for name in ("metrics", "review", "offboard"))
    assert "receive" in code or is_called or output.count("@") >= 40, output


def c(code, env, folder):
    (folder / "block.c").write_text(code)
    library = ROOT / "target" / "debug"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}", f"-L{library}", f"-Wl,-rpath,{library}"]
    run([os.environ.get("CC", "cc"), *flags, "block.c", "-lheadcount", "-o", "block"], env, folder)
    assert run(["./block"], env, folder).count("@") >= 40


def shell(code, env, folder):
    for line in code.splitlines():
        command = line.split("#")[0].strip()
        if command.startswith("make "):
            # `make test` runs this test, so only check that the target exists.
            run(["make", "-n", *command.split()[1:]], env, ROOT)
        elif command.startswith("pip install ./"):
            package = ROOT / command.split("./")[1]
            run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder / "python"), str(package)], env, folder)
            run([sys.executable, "-c", "import headcount; headcount.Client.from_env()"], {**env, "PYTHONPATH": "python"}, folder)
        elif command.startswith("npm install ./"):
            package = ROOT / command.split("./")[1]
            run(["npm", "install", "--no-audit", "--no-fund", str(package)], env, folder)
            run(["node", "-e", "require('headcount').Client.fromEnv()"], env, folder)
        elif command.startswith("cargo run --package headcount-sandbox -- "):
            # The program of the shared build: cargo would compile the dependencies again for this package alone.
            program = [PROGRAM, *command.split(" -- ")[1].split()]
            started = subprocess.Popen(program, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                assert {"environment_url", "client_id", "client_secret", "webhook_secret"} <= set(json.loads(started.stdout.readline()))
            finally:
                started.terminate()
                started.wait()
                started.stdout.close()
        else:
            raise AssertionError(f"unknown command in a document: {command}")


def test_the_readme_names_the_libraries_that_the_static_library_is_linked_with():
    used = re.search(r"^STATIC_LIBS := (.*)$", (ROOT / "tests/c/Makefile").read_text(), re.M)[1]
    assert f"`libheadcount.a {used}`" in (ROOT / "README.md").read_text()


def rust(code, env, folder):
    """Checks that the core's doctests include each document that has Rust code. They compile the code, and run what needs no server."""
    library = (ROOT / "core" / "src" / "lib.rs").read_text()
    included = "".join((ROOT / name).read_text() for name in ["README.md", "docs/mirror.md", "docs/postgresql.md", "docs/webhooks.md"] if f'include_str!("../../{name}")' in library)
    assert code in included


RUNNERS = {"python": python, "js": javascript, "c": c, "sh": shell, "rust": rust, "rust,no_run": rust}
