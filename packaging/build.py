"""Builds every package into dist/: `make dist`.

One cargo build makes the command, the C library, the extension module of Python and the addon of Node. The packages are then made from these files. The same
commit and the same versions of the tools give the same bytes."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import c
import crates
import licences
import npm
import python
import sbom
from release import DIST, GLIBC, ROOT, Artifacts, host, run, version, write_checksums

#: The folder in which cargo builds. The flags differ from those of other builds: in the same folder, cargo would compile everything again each time.
TARGET = ROOT / "target" / "dist"
PACKAGES = ["headcount-ffi", "headcount-python", "headcount-node", "headcount-cli"]
#: The crates that are published, in the order in which they depend on each other.
CRATES = ["headcount", "headcount-sandbox", "headcount-cli"]


def compile_all(profile: str, *, compiled: bool) -> Artifacts:
    """Builds in this profile unless it is compiled already, and returns the built files."""
    platform = host()
    words = ["zigbuild" if platform.glibc else "build", "--profile", profile, "--target", platform.target + (f".{GLIBC}" if platform.glibc else "")]
    words += ["--target-dir", str(TARGET), "--locked", "--message-format", "json-render-diagnostics"]
    for package in PACKAGES:
        words += ["--package", package]
    os.environ["RUSTFLAGS"] = subprocess.run(["sh", "scripts/release-flags.sh"], check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    if platform.libc == "musl":
        # Rust's target for musl links statically unless this is off, and a shared library cannot be linked so.
        os.environ["RUSTFLAGS"] += " -C target-feature=-crt-static"
    if platform.os == "linux":
        os.environ["HEADCOUNT_SONAME"] = c.soname()
    os.environ |= {"PYO3_BUILD_EXTENSION_MODULE": "1", "PYO3_NO_PYTHON": "1", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    artifacts = Artifacts.of(TARGET / platform.target / profile, platform)
    if not compiled:
        printed = subprocess.run(["cargo", *words], check=True, cwd=ROOT, stdout=subprocess.PIPE).stdout
        artifacts.messages.write_bytes(printed)
    return artifacts


def build_crates(out: Path) -> None:
    """Packs the crates. `make test-dist` compiles what is in the archives; cargo's own check would compile all dependencies once for each crate."""
    selected = [word for crate in CRATES for word in ("--package", crate)]
    run("cargo", "package", "--locked", "--no-verify", "--allow-dirty", "--target-dir", TARGET, *selected, cwd=ROOT)
    for crate in CRATES:
        shutil.copy(TARGET / "package" / f"{crate}-{version()}.crate", out)


def write_bills(artifacts: Artifacts, out: Path) -> None:
    """Writes a bill of materials for each binary: those of the wheel and the addon are the same as in their packages."""
    for name, title, root in [
        ("c", "libheadcount", "headcount-ffi"),
        ("command", "headcount (command)", "headcount-cli"),
        ("node", "headcount (npm)", "headcount-node"),
        ("python", "headcount (PyPI)", "headcount-python"),
    ]:
        sbom.write(title, root, crates.linked(root, artifacts.platform), out / f"headcount-{name}-{version()}-{artifacts.platform.target}.cdx.json")


def refuse_settings_of_this_machine() -> None:
    """Ends the build if a setting of this machine would change what is built."""
    changed = [name for name in os.environ if re.match(r"CARGO_PROFILE_|CARGO_BUILD_RUSTFLAGS$|CARGO_ENCODED_RUSTFLAGS$|RUSTFLAGS$", name)]
    if changed:
        sys.exit(f"unset {', '.join(changed)}: the packages are built with the repository's own settings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DIST, help="the folder, which is emptied first (dist)")
    parser.add_argument("--repack", action="store_true", help="makes the packages from the files that the last run compiled")
    parser.add_argument("--profile", default=os.environ.get("HEADCOUNT_DIST_PROFILE") or "dist", help="the profile of cargo: dist, release or dist-check (dist)")
    given = parser.parse_args()
    out: Path = given.out.resolve()

    refuse_settings_of_this_machine()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    artifacts = compile_all(given.profile, compiled=given.repack)
    python.build(artifacts, given.profile, out)
    npm.build([artifacts], out)
    for name, root in (("c", "headcount-ffi"), ("command", "headcount-cli")):
        licences.write(crates.linked(root, artifacts.platform), TARGET / f"{name}-licences")
    c.build(artifacts, out, licences=TARGET / "c-licences", command_licences=TARGET / "command-licences")
    build_crates(out)
    write_bills(artifacts, out)
    write_checksums(out)
    run("sh", "scripts/paths.sh", *sorted(out.iterdir()), cwd=ROOT)
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size:>10}  {path.name}")


if __name__ == "__main__":
    main()
