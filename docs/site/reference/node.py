"""The Node API, from the package's TypeScript declarations, with TypeDoc: a page for each class, interface, type and function."""

import re
import subprocess
from pathlib import Path

SITE = Path(__file__).resolve().parents[1]
MODULES = {
    "index.d.mts": "headcount",
    "testing.d.ts": "headcount/testing",
    "frameworks/express.d.ts": "headcount/express",
    "frameworks/fastify.d.ts": "headcount/fastify",
    "frameworks/koa.d.ts": "headcount/koa",
    "frameworks/fetch.d.ts": "headcount/fetch",
    "frameworks/http.d.ts": "headcount/http",
    "frameworks/endpoint.d.ts": "what the endpoints of all frameworks share",
}


def write(root: Path, target: Path) -> None:
    folder = target / "reference/node"
    entries = [argument for file in MODULES for argument in ("--entryPoints", str(root / "bindings-node" / file))]
    command = ["node_modules/.bin/typedoc", "--options", "typedoc.json", *entries, "--basePath", str(root / "bindings-node"), "--out", str(folder)]
    subprocess.run(command, cwd=SITE, check=True)
    for page in folder.rglob("*.md"):
        text = re.sub(r"(?<=/)README\.md", "index.md", page.read_text())
        if page.name == "README.md":
            page.unlink()
            page = page.with_name("index.md")
        if page != folder / "index.md":
            text = f"---\norphan: true\n---\n\n{text}"
        page.write_text(text)
