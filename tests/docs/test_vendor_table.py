"""Checks that the tables of docs/vendor-sdk.md name each test of the two files that make the vendor's calls, in the same order, and that the READMEs claim
nothing else about the vendor's packages."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def rows(section):
    text = (ROOT / "docs/vendor-sdk.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert all(len(cells) == 3 for cells in lines), [cells for cells in lines if len(cells) != 3]
    return [cells[2].strip() for cells in lines[1:]]


def test_every_row_for_node_names_its_test():
    source = (ROOT / "bindings-node/test/vendor-sdk.test.mjs").read_text()
    tests = [found[2] for found in re.finditer(r"^test\((['\"])(.*)\1, ", source, re.M)]
    assert tests and rows("Node") == tests


def test_every_row_for_python_names_its_test():
    source = (ROOT / "bindings-python/tests/test_vendor_sdk.py").read_text()
    tests = re.findall(r"^def (test_\w+)\(", source, re.M)
    assert tests and rows("Python") == tests


# Words of a sentence about the vendor's packages, or about programs for them.
SUBJECT = re.compile(
    r"vendor's (?:\w+ )?(?:package|librar|client|quickstart|calls|names)|sdk|scalekitclient|import line|drop-in|compatible with|replacement for", re.I
)
# Everything that the READMEs claim about such programs. What runs and what differs is in the table alone, whose rows are executed; the quickstart is
# executed by bindings-node/test/vendor-quickstart.test.mjs.
CLAIMS = {
    "README.md": [
        "For programs that use the vendor's own SDKs (Node and Python), [docs/vendor-sdk.md](docs/vendor-sdk.md) lists what runs unchanged and what differs; "
        "a test executes each row.",
        "`examples/node/vendor-quickstart` is the vendor's quickstart with another import line.",
    ],
    "bindings-node/README.md": [
        "`ScalekitClient`, `Scalekit` and the default export are the class `Client` under the names that the vendor's package has for it; "
        "`docs/vendor-sdk.md` lists which parts of a program for the vendor's package run unchanged, and which differ.",
    ],
    "bindings-python/README.md": [
        "`ScalekitClient` is another name for `Client`; `docs/vendor-sdk.md` lists which parts of a program for the vendor's package run unchanged, and which differ.",
    ],
}


def sentences(text):
    """Returns the sentences of a document, each in one line, without blocks of code."""
    for paragraph in re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S).split("\n\n"):
        yield from re.split(r"(?<=[.:!?]) (?=[A-Z`*])", " ".join(paragraph.split()))


def test_the_readmes_refer_to_the_table_and_claim_nothing_else():
    # The READMEs in benches and tests are left out: they compare times and signatures with those of the SDKs.
    command = ["git", "ls-files", "README.md", "*/README.md", ":!benches", ":!tests"]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = {}
    for name in listed.stdout.split():
        claims = [sentence for sentence in sentences((ROOT / name).read_text()) if SUBJECT.search(sentence)]
        if claims:
            found[name] = claims
    assert found == CLAIMS
