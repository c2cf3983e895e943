"""The npm packages: what is in them, and whether they work when npm, pnpm, Yarn and Bun install them from a registry, with every Node.

The registry is verdaccio, on this machine, with these packages alone. The package managers and the versions of Node are those of tests/dist/npm/package.json.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import chroots
import npm
import pytest
from c_projects import this_platform
from conftest import ROOT
from release import GLIBC, PLATFORMS

TOOLS = ROOT / "tests" / "dist" / "npm"
MODULES = TOOLS / "node_modules"
#: The packages of Node's versions: every even one, which have long-term support, and the newest odd one.
NODES = sorted(name for name in json.loads((TOOLS / "package.json").read_text())["dependencies"] if name.startswith("node-"))
HERE = this_platform()
[HOST] = [platform for platform in PLATFORMS if platform.tested]
OTHERS = [platform for platform in PLATFORMS if platform != HOST]

Covered = Callable[[str, str, str], None]


def run(command: list[object], *, cwd: Path, env: dict[str, str], timeout: int = 120, fails: bool = False) -> str:
    """Runs a command, which has to succeed or, with `fails`, has to fail. Returns what it printed."""
    words = [str(word) for word in command]
    ran = subprocess.run(words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    assert (ran.returncode != 0) == fails, f"{' '.join(words)}\nended with {ran.returncode}:\n{ran.stdout}"
    return ran.stdout


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder node_modules with the package managers and the versions of Node, which is installed if it is not up to date."""
    installed = MODULES / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (TOOLS / "package-lock.json").stat().st_mtime:
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=TOOLS, env=dict(os.environ), timeout=600)
        installed.touch()
    return MODULES


@pytest.fixture(scope="session")
def tarballs(dist: Path) -> dict[str, Path]:
    """The archives of the two packages by the packages' names."""
    found = {}
    for path in dist.glob("*.tgz"):
        with tarfile.open(path) as tar:
            package = json.load(tar.extractfile("package/package.json"))  # type: ignore[arg-type]
        found[package["name"]] = path
    assert set(found) == {"headcount", npm.package_name(HOST)}, f"{dist} has the npm packages {sorted(found)}"
    return found


@pytest.fixture(scope="session")
def contents(tarballs: dict[str, Path]) -> dict[str, dict[str, bytes]]:
    """The files in the two packages, by the packages' names and their own."""
    found = {}
    for package, archive in tarballs.items():
        with tarfile.open(archive) as tar:
            found[package] = {entry.name.removeprefix("package/"): tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    return found


@pytest.fixture(scope="session")
def main(contents: dict[str, dict[str, bytes]]) -> dict[str, bytes]:
    return contents["headcount"]


@pytest.fixture(scope="session")
def of_platform(contents: dict[str, dict[str, bytes]]) -> dict[str, bytes]:
    return contents[npm.package_name(HOST)]


@pytest.fixture(scope="session")
def addon(of_platform: dict[str, bytes]) -> bytes:
    return of_platform[npm.addon_name(HOST)]


# ---- what is in the packages ------------------------------------------------------------------------------------------------


def test_the_main_package_is_javascript_without_scripts_and_needs_the_same_version_of_each_platform(main: dict[str, bytes]) -> None:
    package = json.loads(main["package.json"])
    assert "scripts" not in package
    assert "private" not in package
    assert "dependencies" not in package
    assert "devDependencies" not in package
    assert package["optionalDependencies"] == {npm.package_name(platform): package["version"] for platform in PLATFORMS}
    assert not [name for name in main if re.search(r"\.node$|^(src|test|types|scripts)/|^built\.js$|\.rs$", name)]


def test_the_package_of_the_platform_says_where_it_works(main: dict[str, bytes], of_platform: dict[str, bytes]) -> None:
    package = json.loads(of_platform["package.json"])
    assert package["version"] == json.loads(main["package.json"])["version"]
    assert (package["os"], package["cpu"], package["libc"]) == (["linux"], ["x64"], ["glibc"])
    assert "scripts" not in package
    assert "dependencies" not in package
    assert package["main"] in of_platform


def test_both_packages_have_their_licences_and_a_readme(contents: dict[str, dict[str, bytes]], of_platform: dict[str, bytes]) -> None:
    for files in contents.values():
        assert "README.md" in files
        for licence in ("LICENSE-APACHE", "LICENSE-MIT"):
            assert files[licence] == (ROOT / licence).read_bytes()
    third_party = of_platform["LICENSE-THIRD-PARTY"].decode()
    assert "Permission is hereby granted" in third_party
    assert "tokio" in third_party


def test_the_archives_are_named_as_npm_pack_names_them_and_repeat(tarballs: dict[str, Path], main: dict[str, bytes]) -> None:
    version = json.loads(main["package.json"])["version"]
    for name, archive in tarballs.items():
        assert archive.name == f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
        with tarfile.open(archive) as tar:
            # npm's time for every file, so that the archive does not depend on when and by whom it was made.
            assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in tar} == {(499162500, 0, 0, "")}


def test_the_addon_needs_no_newer_glibc_than_2_17(addon: bytes) -> None:
    wanted = {tuple(map(int, version.split(b"."))) for version in re.findall(rb"\x00GLIBC_([0-9.]+)(?=\x00)", addon)}
    assert wanted, "the addon names no version of glibc"
    assert max(wanted) <= tuple(map(int, GLIBC.split("."))), sorted(wanted)


def test_the_addon_has_no_path_of_this_machine(addon: bytes) -> None:
    for path in (f"{ROOT}/", f"{Path.home()}/", f"{os.environ.get('CARGO_HOME', Path.home() / '.cargo')}/"):
        found = path.encode() in addon
        assert not found, path


def test_publint_reports_nothing(tarballs: dict[str, Path], tools: Path, clean_env: dict[str, str]) -> None:
    for archive in tarballs.values():
        assert "All good" in run([tools / ".bin" / "publint", "run", archive, "--strict"], cwd=TOOLS, env=clean_env)


def test_the_types_are_right_in_every_mode_of_resolution(tarballs: dict[str, Path], tools: Path, clean_env: dict[str, str]) -> None:
    assert "No problems found" in run([tools / ".bin" / "attw", tarballs["headcount"], "--format", "ascii"], cwd=TOOLS, env=clean_env)


# ---- a registry -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Registry:
    url: str
    #: The environment of a user of this registry.
    env: dict[str, str]

    def npmrc(self) -> str:
        # verdaccio lets anybody publish here, but npm wants a token.
        return f"registry={self.url}/\n//{self.url.removeprefix('http://')}/:_authToken=none\n"

    def project(self, folder: Path, **package: object) -> Path:
        """Makes a project in a folder, with the program checks.mjs and no dependencies. Returns the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".npmrc").write_text(self.npmrc())
        (folder / "package.json").write_text(json.dumps({"name": "application", "private": True, "type": "module", **package}))
        shutil.copy(TOOLS / "checks.mjs", folder)
        return folder


@pytest.fixture(scope="session")
def registry(tools: Path, tarballs: dict[str, Path], clean_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry on this machine with all packages of headcount; those of other platforms have an empty addon. It is stopped at the end."""
    folder = tmp_path_factory.mktemp("registry")
    # Without an uplink, it knows no other packages.
    everybody = {"access": "$all", "publish": "$all"}
    config = {"storage": str(folder / "storage"), "uplinks": {}, "packages": {"**": everybody}, "max_body_size": "500mb", "log": {"type": "stdout", "format": "json", "level": "warn"}}
    (folder / "config.json").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    # verdaccio needs a newer Node than this machine may have.
    command = [tools / "node-24/bin/node", tools / "verdaccio/bin/verdaccio", "--config", folder / "config.json", "--listen", address]
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen([str(word) for word in command], cwd=folder, env=clean_env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(f"http://{address}/-/ping", server, log)
        unset = {name: value for name, value in clean_env.items() if not name.lower().startswith(("npm_config_", "yarn_"))}
        env = {
            **unset,
            "npm_config_update_notifier": "false",
            "npm_config_audit": "false",
            "npm_config_fund": "false",
            # Yarn and Bun do not take packages that were published a moment ago.
            "YARN_NPM_MINIMAL_AGE_GATE": "0",
            "YARN_NPM_REGISTRY_SERVER": f"http://{address}",
            "YARN_UNSAFE_HTTP_WHITELIST": "127.0.0.1",
            "YARN_ENABLE_TELEMETRY": "0",
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
            "CI": "1",
            # Yarn refuses to change its lock file where CI is set.
            "YARN_ENABLE_IMMUTABLE_INSTALLS": "0",
        }
        served = Registry(f"http://{address}", env)
        publish(served, [*tarballs.values(), *empty_packages(folder)], folder)
        yield served
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    """Waits until the server answers. Fails if it ends, or does not answer for a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            assert server.poll() is None, f"verdaccio ended with {server.returncode}:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"verdaccio does not answer: {error}\n{log.read_text()}"
            time.sleep(0.1)


def empty_packages(folder: Path) -> list[Path]:
    """Packs the packages of the other platforms, with an empty file as the addon: a user's registry has all of them."""
    (folder / "empty").touch()
    archives = []
    for platform in OTHERS:
        unpacked = folder / platform.npm
        npm.write_platform(unpacked, platform, folder / "empty", shutil.copy)
        archives.append(folder / f"{platform.npm}.tgz")
        with tarfile.open(archives[-1], "w:gz") as tar:
            tar.add(unpacked, "package")
    return archives


def publish(registry: Registry, archives: list[Path], folder: Path) -> None:
    (folder / ".npmrc").write_text(registry.npmrc())
    with ThreadPoolExecutor(2) as pool:
        for published in [pool.submit(run, ["npm", "publish", "--access", "public", archive], cwd=folder, env=registry.env) for archive in archives]:
            published.result()


# ---- as a user --------------------------------------------------------------------------------------------------------------


def installed_addons(folder: Path) -> list[str]:
    scope = folder / "node_modules" / "@headcount"
    return sorted(path.name for path in scope.iterdir()) if scope.exists() else []


def check(printed: str, runtime: str = "Node") -> str:
    """Returns the version in the last line that checks.mjs printed."""
    found = re.search(rf"^headcount \S+ works with {runtime} (\S+)$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


@pytest.fixture(scope="session")
def application(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with headcount, as `npm install headcount` made it."""
    folder = registry.project(tmp_path_factory.mktemp("npm") / "application")
    run(["npm", "install", "headcount"], cwd=folder, env=registry.env)
    return folder


def test_npm_installs_the_addon_of_this_platform_alone_and_no_install_script(application: Path) -> None:
    assert installed_addons(application) == [HOST.npm]
    lock = json.loads((application / "package-lock.json").read_text())
    assert not [path for path, package in lock["packages"].items() if package.get("hasInstallScript")]
    assert sorted(path.name for path in (application / "node_modules").iterdir() if not path.name.startswith(".")) == ["@headcount", "headcount"]
    # A lock file that is made here works on the other platforms as well.
    assert {f"node_modules/{npm.package_name(platform)}" for platform in PLATFORMS} <= set(lock["packages"])


def test_npx_runs_the_command(application: Path, registry: Registry, covered: Covered) -> None:
    version = json.loads((application / "node_modules/headcount/package.json").read_text())["version"]
    assert run(["npx", "headcount", "--version"], cwd=application, env=registry.env).strip() == f"headcount {version}"
    assert "sync" in run(["npx", "headcount", "--help"], cwd=application, env=registry.env)
    covered(HERE, "npm", "`npm install headcount`, `npx headcount`")


def test_npm_installs_the_two_archives_without_a_registry(registry: Registry, tarballs: dict[str, Path], tmp_path: Path, covered: Covered) -> None:
    folder = registry.project(tmp_path / "application")
    (folder / ".npmrc").write_text("registry=http://127.0.0.1:9/\nfetch-retries=0\n")  # nothing listens there
    run(["npm", "install", *tarballs.values()], cwd=folder, env=registry.env)
    check(run(["node", "checks.mjs"], cwd=folder, env=registry.env))
    covered(HERE, "npm", "the two archives, without a registry")


@pytest.mark.parametrize("name", NODES)
def test_the_package_works_with_node(name: str, application: Path, tools: Path, registry: Registry, covered: Covered) -> None:
    node = tools / name / "bin" / "node"
    version = check(run([node, "checks.mjs"], cwd=application, env=registry.env))
    assert version.split(".")[0] == name.removeprefix("node-")
    assert run([node, "node_modules/headcount/command.js", "--version"], cwd=application, env=registry.env).startswith("headcount ")
    covered(HERE, f"Node {version.split('.')[0]}", "npm package")


def test_typescript_finds_the_types(application: Path, tools: Path, registry: Registry) -> None:
    shutil.copy(TOOLS / "types.ts", application)
    options = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022", "--module", "nodenext", "--typeRoots", tools / "@types", "--types", "node"]
    run([tools / ".bin" / "tsc", *options, "types.ts"], cwd=application, env=registry.env)


@pytest.mark.parametrize(("suite", "name", "described"), [("bullseye", "node-18", "Debian 11, glibc 2.31"), ("trixie", "node-24", "Debian 13, glibc 2.41")])
def test_the_package_works_on_another_debian(suite: str, name: str, described: str, application: Path, tools: Path, covered: Covered) -> None:
    root = chroots.chroot(suite, ["libstdc++6"])
    with chroots.folder_in(root) as (outside, inside):
        shutil.copytree(application, outside / "application", symlinks=True)
        shutil.copy(tools / name / "bin" / "node", outside)
        version = check(chroots.run_in(root, [f"{inside}/node", "checks.mjs"], cwd=f"{inside}/application", timeout=120))
    covered(described, f"Node {version.split('.')[0]}", "npm package")


def test_pnpm_installs_the_package(registry: Registry, tools: Path, tmp_path: Path, covered: Covered) -> None:
    folder = registry.project(tmp_path / "application")
    # pnpm does not take packages that were published a moment ago.
    (folder / "pnpm-workspace.yaml").write_text("minimumReleaseAge: 0\n")
    pnpm = tools / "@pnpm" / "exe.linux-x64" / "pnpm"
    run([pnpm, "add", "headcount"], cwd=folder, env=registry.env)
    assert sorted(path.name.split("@0")[0] for path in (folder / "node_modules/.pnpm").iterdir() if path.name.startswith("@headcount")) == [f"@headcount+{HOST.npm}"]
    check(run(["node", "checks.mjs"], cwd=folder, env=registry.env))
    assert "headcount " in run([pnpm, "exec", "headcount", "--version"], cwd=folder, env=registry.env)
    covered(HERE, "pnpm", "npm package")


@pytest.mark.parametrize(("linker", "described"), [("pnp", "Plug'n'Play"), ("node-modules", "node_modules")])
def test_yarn_installs_the_package(linker: str, described: str, registry: Registry, tools: Path, tmp_path: Path, covered: Covered) -> None:
    folder = registry.project(tmp_path / "application")
    (folder / "yarn.lock").touch()
    env = {**registry.env, "YARN_NODE_LINKER": linker}
    yarn = ["node", tools / "@yarnpkg" / "cli-dist" / "bin" / "yarn.js"]
    run([*yarn, "add", "headcount"], cwd=folder, env=env)
    assert (folder / "node_modules").exists() == (linker == "node-modules")
    check(run([*yarn, "node", "checks.mjs"], cwd=folder, env=env))
    assert "headcount " in run([*yarn, "headcount", "--version"], cwd=folder, env=env)
    covered(HERE, f"Yarn 4, {described}", "npm package")


def test_bun_installs_and_runs_the_package(registry: Registry, tools: Path, tmp_path: Path, covered: Covered) -> None:
    folder = registry.project(tmp_path / "application")
    bun = tools / "@oven" / "bun-linux-x64" / "bin" / "bun"
    run([bun, "add", "headcount"], cwd=folder, env=registry.env)
    assert installed_addons(folder) == [HOST.npm]
    check(run([bun, "run", "checks.mjs"], cwd=folder, env=registry.env), "Bun")
    covered(HERE, "Bun", "npm package")


# ---- what goes wrong --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def without_addon(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with headcount and no package with an addon."""
    folder = registry.project(tmp_path_factory.mktemp("npm") / "without-addon")
    run(["npm", "install", "--omit=optional", "headcount"], cwd=folder, env=registry.env)
    assert installed_addons(folder) == []
    return folder


def test_without_optional_dependencies_the_error_says_what_to_install(without_addon: Path, registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "application"
    shutil.copytree(without_addon, folder, symlinks=True)
    printed = run(["node", "checks.mjs"], cwd=folder, env=registry.env, fails=True)
    assert f"the package {npm.package_name(HOST)} is not installed" in printed
    assert "--omit=optional" in printed
    remedy = re.search(r'"(npm install @headcount/[^"]+)"', printed)
    assert remedy, printed
    run(remedy[1].split(), cwd=folder, env=registry.env)
    check(run(["node", "checks.mjs"], cwd=folder, env=registry.env))


def test_headcount_native_path_names_the_addon(without_addon: Path, registry: Registry, addon: bytes, tmp_path: Path) -> None:
    (tmp_path / "addon.node").write_bytes(addon)
    for path in (tmp_path / "addon.node", os.path.relpath(tmp_path / "addon.node", without_addon)):
        check(run(["node", "checks.mjs"], cwd=without_addon, env={**registry.env, "HEADCOUNT_NATIVE_PATH": str(path)}))
    printed = run(["node", "checks.mjs"], cwd=without_addon, env={**registry.env, "HEADCOUNT_NATIVE_PATH": str(tmp_path / "absent.node")}, fails=True)
    assert f"HEADCOUNT_NATIVE_PATH names {tmp_path / 'absent.node'}, which cannot be loaded" in printed


def test_node_modules_of_another_system_are_refused_and_its_lock_file_works(registry: Registry, tmp_path: Path) -> None:
    folder = registry.project(tmp_path / "application")
    run(["npm", "install", "--os=darwin", "--cpu=arm64", "headcount"], cwd=folder, env=registry.env)
    assert installed_addons(folder) == ["darwin-arm64"]
    printed = run(["node", "checks.mjs"], cwd=folder, env=registry.env, fails=True)
    assert f"the package {npm.package_name(HOST)} is not installed" in printed
    assert "copied from another system" in printed
    run(["npm", "ci"], cwd=folder, env=registry.env)
    assert installed_addons(folder) == [HOST.npm]
    check(run(["node", "checks.mjs"], cwd=folder, env=registry.env))
