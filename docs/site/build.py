"""Builds the site in build/site: copies the documents, writes the pages of the reference, and runs Sphinx. A warning of Sphinx is an error.

With an argument, the folder of the documentation that rustdoc has built, that is on the site too.
"""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

SITE = Path(__file__).resolve().parent
ROOT = SITE.parents[1]
sys.path.insert(0, str(SITE))

import documents  # noqa: E402
from reference import c, command, definitions, node, python  # noqa: E402

SOURCE = ROOT / "build/site-source"
OUTPUT = ROOT / "build/site"
FRONT = "docs/site/index.md"


def tracked() -> set[str]:
    """Returns the paths of the files of the repository, also of new ones that are not committed yet."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {path for path in listed.stdout.splitlines() if (ROOT / path).exists()}


def navigation() -> list[str]:
    """Returns the paths of the pages in the navigation, which is in the front page."""
    lists = re.findall(r"^:::\{toctree\}\n(.*?)^:::$", (ROOT / FRONT).read_text(), re.M | re.S)
    lines = [line for block in lists for line in block.splitlines() if line and not line.startswith(":")]
    return [(re.search(r"<(.*)>", line) or [line, line])[1] + ".md" for line in lines]


def main() -> None:
    started = time.monotonic()
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    for page in (c, command, definitions, node, python):
        page.write(ROOT, SOURCE)
    pages = navigation()
    files = tracked()
    if forgotten := [path for path in files if re.fullmatch(r"docs/[^/]+\.md", path) and path not in pages]:
        raise documents.DeadLink(f"{', '.join(sorted(forgotten))}: not in the navigation: add it to {FRONT}")
    copied = documents.Documents(ROOT, SOURCE, files, {*pages, "index.md"})
    for page in pages:
        if not (SOURCE / page).exists():
            copied.copy(page, page)
    copied.copy(FRONT, "index.md")
    rustdoc = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if rustdoc:
        with (SOURCE / "reference/rust.md").open("a") as page:
            page.write('\n<a href="../rust/headcount/index.html">The documentation of `headcount`</a>\n')
    command_line = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--jobs=2", f"--conf-dir={SITE}"]
    code = subprocess.run([*command_line, f"--doctree-dir={ROOT / 'build/site-doctrees'}", str(SOURCE), str(OUTPUT)], check=False).returncode
    if code != 0:
        sys.exit(code)
    if rustdoc:
        shutil.copytree(rustdoc, OUTPUT / "rust")
    count = len(list(OUTPUT.rglob("*.html")))
    print(f"{count} pages in {OUTPUT.relative_to(ROOT)}, in {time.monotonic() - started:.0f} seconds")


if __name__ == "__main__":
    try:
        main()
    except (documents.DeadLink, definitions.Missing) as problem:
        sys.exit(str(problem))
