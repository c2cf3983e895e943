"""Makes the wheel and the source archive of the Python package, with maturin."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import crates
import licences
import sbom
from release import ROOT, Artifacts, epoch, run

PROJECT = ROOT / "bindings-python"


def build(artifacts: Artifacts, profile: str, out: Path) -> None:
    """Writes the wheel and the sdist. maturin runs no cargo: it reads what cargo printed when it built the artifacts (scripts/cargo.sh)."""
    platform = artifacts.platform
    linked = crates.linked("headcount-python", platform)
    with tempfile.TemporaryDirectory() as temporary:
        bill = Path(temporary) / "headcount.cdx.json"
        sbom.write("headcount (PyPI)", "headcount-python", linked, bill)
        # `license-files` in pyproject.toml names it. It exists during the build alone, because it is for this platform.
        third_party = PROJECT / "LICENSE-THIRD-PARTY"
        licences.write(linked, third_party)
        environment = {
            **os.environ,
            "CARGO": str(ROOT / "scripts" / "cargo.sh"),
            "HEADCOUNT_CARGO_MESSAGES": str(artifacts.messages),
            "SOURCE_DATE_EPOCH": str(epoch()),
        }
        options = ["--manifest-path", PROJECT / "Cargo.toml", "--out", out]
        try:
            # maturin adds the processor to the tag.
            tag = platform.wheel.removesuffix("_" + platform.target.split("-")[0])
            compatibility = ["--compatibility", tag, "--auditwheel", "check"] if platform.os == "linux" else []
            run("maturin", "build", "--profile", profile, "--sbom-include", bill, *compatibility, *options, env=environment)
        finally:
            third_party.unlink()
        run("maturin", "sdist", *options, env=environment)
