"""Makes the npm packages: `headcount`, and one for each platform with its addon, such as `@headcount/linux-x64-gnu`.

The package `headcount` is JavaScript without an install script. Its optional dependencies are the packages of all platforms, in exactly its version, and
npm installs the one whose `os`, `cpu` and `libc` are those of the machine. Its package.json is made from that of bindings-node, which is for a clone.

    python3 packaging/npm.py --write                    writes bindings-node/addons.js, which requires each platform's package by a literal name
    python3 packaging/npm.py --check                    fails if that file is not up to date
    python3 packaging/npm.py --unpacked FOLDER ADDON    writes the packages as folders below FOLDER, as in node_modules, with an addon for this machine
"""

from __future__ import annotations

import argparse
import json
import os
import platform as machine
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import crates
import licences
import release

SOURCE = release.ROOT / "bindings-node"
ADDONS = SOURCE / "addons.js"
LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")
#: The licences of the Rust packages that are linked into the addon.
THIRD_PARTY = "LICENSE-THIRD-PARTY"

#: What only a clone needs of its package.json.
CLONE_ONLY = ("private", "scripts", "devDependencies")


def package_name(platform: release.Platform) -> str:
    return f"@headcount/{platform.npm}"


def repository() -> str:
    """Returns the address of the repository, from Cargo.toml."""
    return release.tomllib.loads((release.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["repository"]


def in_clone() -> dict:
    """Returns the package.json of bindings-node."""
    package = json.loads((SOURCE / "package.json").read_text())
    if package["version"] != release.version():
        sys.exit(f"bindings-node/package.json has the version {package['version']}, and Cargo.toml {release.version()}: they must be the same")
    return package


def main_package() -> dict:
    """Returns the package.json of the published package `headcount`."""
    package = {name: value for name, value in in_clone().items() if name not in CLONE_ONLY}
    package["repository"] = {"type": "git", "url": f"git+{repository()}.git", "directory": "bindings-node"}
    package["optionalDependencies"] = {package_name(platform): package["version"] for platform in release.PLATFORMS}
    return package


def platform_package(platform: release.Platform) -> dict:
    """Returns the package.json of the package for a platform."""
    clone = in_clone()
    addon = addon_name(platform)
    return {
        "name": package_name(platform),
        "version": clone["version"],
        "description": f"headcount's native addon for {described(platform)}.",
        "license": clone["license"],
        "repository": {"type": "git", "url": f"git+{repository()}.git", "directory": "bindings-node"},
        # For Node, which otherwise looks for the type in the addon's name and content.
        "type": "commonjs",
        "main": addon,
        "files": [addon, *LICENCES, THIRD_PARTY],
        "engines": clone["engines"],
        "os": [platform.os],
        "cpu": [platform.cpu],
        **({"libc": [platform.libc]} if platform.libc else {}),
        # Yarn keeps packages in zip files, from which the system cannot load a library.
        "preferUnplugged": True,
    }


def addon_name(platform: release.Platform) -> str:
    return f"headcount.{platform.npm}.node"


def described(platform: release.Platform) -> str:
    system = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}[platform.os]
    libc = f", {platform.libc} {release.GLIBC} or later" if platform.glibc else f", {platform.libc}" if platform.libc else ""
    return f"{system} on {platform.cpu}{libc}"


def addons_js() -> str:
    """Returns the text of bindings-node/addons.js."""
    entries = "".join(
        f"  '{platform.npm}': (failed) => {{\n"
        "    try {\n"
        f"      return require('{package_name(platform)}')\n"
        "    } catch (error) {\n"
        "      failed(error)\n"
        "    }\n"
        "  },\n"
        for platform in release.PLATFORMS
    )
    return f"""'use strict'
// Written by packaging/npm.py from the platforms in packaging/release.py.
//
// Each function requires an addon and returns its exports; it passes an error to `failed` and returns undefined. The names are literals, which bundlers
// find. Each `require` is directly in a `try`, because bundlers accept only there that a package is not installed.

/** Returns such functions for the addons that scripts/build.mjs built in this folder, by platform. Only a clone has them. */
const built = (failed) => {{
  try {{
    return require('./built.js')
  }} catch (error) {{
    failed(error)
  }}
}}

/** The packages with the addons, by platform. */
const packages = {{
{entries}}}

module.exports = {{ built, packages }}
"""


def readme(platform: release.Platform) -> str:
    return f"""# {package_name(platform)}

The native addon of headcount for {described(platform)}.

Install `headcount`, which has this package as an optional dependency: `npm install headcount`.
"""


def write_main(folder: Path) -> None:
    """Writes the files of the package `headcount` to a folder."""
    package = main_package()
    folder.mkdir(parents=True)
    for name in package["files"]:
        source = (release.ROOT if name in LICENCES else SOURCE) / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    shutil.copy(SOURCE / "README.md", folder)
    write_json(folder / "package.json", package)


def write_platform(folder: Path, platform: release.Platform, addon: Path, copy: Callable[[Path, Path], object]) -> None:
    """Writes the files of the package for a platform to a folder."""
    folder.mkdir(parents=True)
    copy(addon, folder / addon_name(platform))
    for name in LICENCES:
        shutil.copy(release.ROOT / name, folder)
    (folder / "README.md").write_text(readme(platform))
    write_json(folder / "package.json", platform_package(platform))


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def pack(folder: Path, out: Path) -> Path:
    """Packs a package's folder, and returns the archive. npm gives all files the same time and owner, so the archive depends on their contents alone."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.name == "command.js" else 0o644)
    npm = shutil.which("npm")  # on Windows, npm.cmd
    if npm is None:
        sys.exit("npm is not on the PATH: install Node (https://nodejs.org)")
    command = [npm, "pack", "--ignore-scripts", "--json", "--loglevel=error", "--pack-destination", str(out.resolve())]
    packed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if packed.returncode != 0:
        sys.exit(f"{' '.join(command)}\nended with {packed.returncode}:\n{packed.stdout}{packed.stderr}")
    return out / json.loads(packed.stdout)[0]["filename"]


def build(artifacts: list[release.Artifacts], out: Path) -> None:
    """Packs `headcount`, and a package for each of these platforms, into `out`."""
    check()
    addons = {artifact.platform: artifact.node_addon for artifact in artifacts}
    with tempfile.TemporaryDirectory() as temporary:
        write_unpacked(addons, Path(temporary), shutil.copyfile)
        pack(Path(temporary, "headcount"), out)
        for platform in addons:
            folder = Path(temporary, package_name(platform))
            licences.write(crates.linked("headcount-node", platform), folder / THIRD_PARTY)
            pack(folder, out)


def link(source: Path, target: Path) -> None:
    """Links a file, or copies it if it cannot be linked. An addon with debug information is large."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def write_unpacked(addons: dict[release.Platform, Path], folder: Path, copy: Callable[[Path, Path], object]) -> None:
    """Writes the packages as folders, as they are in node_modules, with the addons copied by `copy`. Replaces these folders."""
    for name in ["headcount", *map(package_name, addons)]:
        shutil.rmtree(folder / name, ignore_errors=True)
    write_main(folder / "headcount")
    for platform, addon in addons.items():
        write_platform(folder / package_name(platform), platform, addon, copy)


def check() -> None:
    """Ends the program if addons.js is not up to date."""
    if ADDONS.read_text() != addons_js():
        sys.exit("bindings-node/addons.js is not up to date with packaging/release.py: run `python3 packaging/npm.py --write`")
    in_clone()


def this_machine() -> release.Platform:
    """Returns the platform of this machine, found without Rust."""
    cpu = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(machine.machine().lower())
    libc = None if sys.platform != "linux" else "glibc" if machine.libc_ver()[0] == "glibc" else "musl"
    for platform in release.PLATFORMS:
        if (platform.os, platform.cpu, platform.libc) == (sys.platform, cpu, libc):
            return platform
    sys.exit(f"no npm package is made for {sys.platform} on {machine.machine()}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the npm packages; see the first lines of the file.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true")
    what.add_argument("--check", action="store_true")
    what.add_argument("--unpacked", nargs=2, type=Path, metavar=("FOLDER", "ADDON"))
    given = parser.parse_args()
    if given.write:
        ADDONS.write_text(addons_js())
    elif given.check:
        check()
    else:
        write_unpacked({this_machine(): given.unpacked[1]}, given.unpacked[0], link)


if __name__ == "__main__":
    main()
