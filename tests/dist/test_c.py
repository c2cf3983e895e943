"""The tarballs of the C libraries and of the command, used from the folder in which they are unpacked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import release
from c_projects import LIMIT, PROJECTS, build_with_cmake, build_with_make, check_program, here, needed, this_platform

Covered = Callable[[str, str, str], None]
TARGET = "x86_64-unknown-linux-gnu"
VERSION = release.version()
SONAME = f"libheadcount.so.{VERSION.split('.')[0]}"
#: The parts of glibc. A binary that needs no other library runs on every system with glibc.
GLIBC = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "ld-linux-x86-64.so.2"}


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpacks an archive in a folder with a space in its name, moves it, and returns where it is then."""
    first, then = folder / "first place", folder / "second place"
    first.mkdir()
    with tarfile.open(archive) as tar:
        tar.extractall(first, filter="data")
    first.rename(then)
    (prefix,) = then.iterdir()
    assert prefix.name == archive.name.removesuffix(".tar.gz")
    return prefix


@pytest.fixture(scope="module")
def prefix(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(dist / f"headcount-c-{VERSION}-{TARGET}.tar.gz", tmp_path_factory.mktemp("c"))


@pytest.fixture(scope="module")
def command_prefix(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(dist / f"headcount-{VERSION}-{TARGET}.tar.gz", tmp_path_factory.mktemp("command"))


# ---- projects that use the libraries --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_a_c99_project_finds_it_with_cmake(prefix: Path, clean_env: dict[str, str], tmp_path: Path, covered: Covered, kind: str) -> None:
    run = here(clean_env)
    build = tmp_path / "build"
    build_with_cmake(run, PROJECTS / "c99", build, f"-DCMAKE_PREFIX_PATH={prefix}", f"-Dheadcount_USE_STATIC_LIBS={'ON' if kind == 'static' else 'OFF'}")
    check_program(run, build / "program", tmp_path / "mirror.db", VERSION)
    assert (SONAME in needed(build / "program")) == (kind == "shared")
    covered(this_platform(), "C99, CMake", f"tarball, {kind} library")


def test_a_cpp17_project_has_a_target_for_each_library(prefix: Path, clean_env: dict[str, str], tmp_path: Path, covered: Covered) -> None:
    run = here(clean_env)
    build = tmp_path / "build"
    build_with_cmake(run, PROJECTS / "cpp17", build, env={"CMAKE_PREFIX_PATH": prefix})
    for kind in ("shared", "static"):
        program = build / f"program_{kind}"
        check_program(run, program, tmp_path / f"{kind}.db", VERSION)
        assert (SONAME in needed(program)) == (kind == "shared"), kind
        covered(this_platform(), "C++17, CMake", f"tarball, {kind} library")


@pytest.mark.parametrize("package", ["headcount", "headcount-static"])
def test_a_makefile_finds_it_with_pkg_config(prefix: Path, clean_env: dict[str, str], tmp_path: Path, covered: Covered, package: str) -> None:
    run = here(clean_env)
    kind = "static" if package == "headcount-static" else "shared"
    build_with_make(run, PROJECTS / "make", tmp_path, f"PACKAGE={package}", env={"PKG_CONFIG_PATH": prefix / "lib" / "pkgconfig"})
    loaded = {"LD_LIBRARY_PATH": prefix / "lib"} if kind == "shared" else {}
    for language, program in (("C99", "program_c"), ("C++17", "program_cpp")):
        check_program(run, tmp_path / program, tmp_path / f"{program}.db", VERSION, env=loaded)
        assert (SONAME in needed(tmp_path / program)) == (kind == "shared"), program
        covered(this_platform(), f"{language}, pkg-config", f"tarball, {kind} library")


def test_pkg_config_names_the_libraries_that_the_static_library_needs(prefix: Path, clean_env: dict[str, str], tmp_path: Path) -> None:
    """A prefix without the shared library, as of a system that has only static libraries: `-lheadcount` is then the static one."""
    static = tmp_path / "static"
    shutil.copytree(prefix, static, symlinks=True, copy_function=os.link)
    for library in (static / "lib").glob("*.so*"):
        library.unlink()
    run = here(clean_env)
    build_with_make(run, PROJECTS / "make", tmp_path, "HC_PKG_CONFIG_FLAGS=--static", str(tmp_path / "program_c"), env={"PKG_CONFIG_PATH": static / "lib" / "pkgconfig"})
    check_program(run, tmp_path / "program_c", tmp_path / "mirror.db", VERSION)


def test_the_commands_of_the_readme_work(prefix: Path, clean_env: dict[str, str], tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(prefix, copied, symlinks=True, copy_function=os.link)
    commands = [line.strip() for line in (copied / "README.md").read_text().splitlines() if line.startswith("    ")]
    assert len(commands) == 4
    script = "\n".join([*commands, "test -n \"$(pkg-config --libs headcount headcount-static)\"", "./quickstart || test $? = 1"])
    printed = here(clean_env)(["sh", "-euc", script], cwd=copied)
    # The quickstart ends at the first thing that is missing.
    assert "SCALEKIT_ENVIRONMENT_URL" in printed, printed


def test_cmake_accepts_versions_with_the_same_minor_version_before_1_0(prefix: Path, clean_env: dict[str, str], tmp_path: Path) -> None:
    printed = here(clean_env)(["cmake", "-S", PROJECTS / "versions", "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}"])
    accepted = {wanted: found == "TRUE" or found == "1" for wanted, found in re.findall(r"^-- wanted (.*): (.*)$", printed, re.M)}
    assert accepted == {
        "": True, "0": True, "0.1": True, "0.1.0": True, "0.1.9": False, "0.0": False, "0.2": False, "1": False, "1.1": False,
        "0.1...0.4": True, "0.1...<0.2": True, "0.0...<0.1": False, "0.2...1": False,
    }  # fmt: skip


@pytest.mark.parametrize(("missing", "left"), [("libheadcount.a", "shared"), ("libheadcount.so*", "static")])
def test_cmake_finds_the_library_that_is_left_when_one_is_not_installed(prefix: Path, clean_env: dict[str, str], tmp_path: Path, missing: str, left: str) -> None:
    reduced = tmp_path / "reduced"
    shutil.copytree(prefix, reduced, symlinks=True, copy_function=os.link)
    for library in (reduced / "lib").glob(missing):
        library.unlink()
    printed = here(clean_env)(["cmake", "-S", PROJECTS / "missing", "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={reduced}"])
    gone = "static" if left == "shared" else "shared"
    assert f"-- headcount::headcount {left.upper()}_LIBRARY" in printed
    assert f"-- headcount::{left} {left.upper()}_LIBRARY" in printed
    assert f"headcount::{gone} " not in printed
    assert re.search(rf"^-- {left} found: (1|TRUE)", printed, re.M), printed
    assert re.search(rf"^-- {gone} found: (0|FALSE) headcount: expected the library .* for the component {gone}: install it$", printed, re.M), printed
    assert re.search(r"^-- openssl found: (0|FALSE) headcount: expected one of the components shared and static, got openssl$", printed, re.M), printed


# ---- what is in the libraries ---------------------------------------------------------------------------------------------


def readelf(*arguments: object) -> str:
    return subprocess.run(["readelf", "--wide", *map(str, arguments)], check=True, capture_output=True, text=True, timeout=LIMIT, env={**os.environ, "LC_ALL": "C"}).stdout


def binaries(prefix: Path, command_prefix: Path) -> Iterator[Path]:
    yield prefix / "lib" / SONAME
    yield command_prefix / "bin" / "headcount"


def test_no_binary_needs_a_glibc_later_than_2_17(prefix: Path, command_prefix: Path) -> None:
    for binary in binaries(prefix, command_prefix):
        versions = {tuple(map(int, version.split("."))) for version in re.findall(r"Name: GLIBC_([0-9.]+)", readelf("--version-info", binary))}
        assert versions, f"{binary}: no versions of symbols were found"
        assert max(versions) <= tuple(map(int, release.GLIBC.split("."))), binary


def test_no_binary_needs_another_library_than_glibc(prefix: Path, command_prefix: Path) -> None:
    for binary in binaries(prefix, command_prefix):
        assert set(needed(binary)) <= GLIBC, binary
        assert "RPATH" not in readelf("--dynamic", binary) and "RUNPATH" not in readelf("--dynamic", binary), binary


def test_the_shared_library_has_its_soname_and_exports_the_functions_of_the_header_alone(prefix: Path) -> None:
    library = prefix / "lib" / SONAME
    assert f"Library soname: [{SONAME}]" in readelf("--dynamic", library)
    assert (prefix / "lib" / "libheadcount.so").resolve() == library.resolve() == (prefix / "lib" / f"libheadcount.so.{VERSION}").resolve()
    exported = {line.split()[-1].split("@")[0] for line in readelf("--dyn-syms", library).splitlines() if re.search(r"(GLOBAL|WEAK) +DEFAULT +\d+ ", line)}
    header = (prefix / "include" / "headcount.h").read_text()
    declared = set(re.findall(r"\b(hc_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.S)))
    assert exported == declared


def test_the_static_library_does_not_define_the_symbols_of_sqlite(prefix: Path) -> None:
    defined = subprocess.run(["nm", "--defined-only", "--extern-only", prefix / "lib" / "libheadcount.a"], capture_output=True, text=True, timeout=LIMIT).stdout
    names = {line.split()[2] for line in defined.splitlines() if len(line.split()) == 3}
    assert "hc_version" in names and "hc_sqlite3_open_v2" in names
    assert not {name for name in names if name.startswith("sqlite3")}


def test_nothing_in_the_tarballs_names_the_folder_of_the_build(prefix: Path, command_prefix: Path) -> None:
    for folder in (prefix, command_prefix):
        for path in folder.rglob("*"):
            if path.is_file():
                assert str(release.ROOT).encode() + b"/" not in path.read_bytes(), path


# ---- the command ----------------------------------------------------------------------------------------------------------


def test_the_command_mirrors_a_sandbox(command_prefix: Path, clean_env: dict[str, str], tmp_path: Path, covered: Covered) -> None:
    command = command_prefix / "bin" / "headcount"
    run = here(clean_env)
    assert run([command, "--version"]) == f"headcount {VERSION}\n"
    check_command(command, clean_env, tmp_path)
    covered(this_platform(), "shell", "tarball of the command")


def check_command(command: Path, env: dict[str, str], folder: Path) -> None:
    """Runs a sandbox with the command, and mirrors it with the command."""
    sandbox = subprocess.Popen([command, "sandbox", "--env", "--users", "12"], env=env, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert sandbox.stdout is not None
        settings = dict(env)
        for line in sandbox.stdout:
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals:
                settings[name] = value.strip("'\"")
            if {"SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"} <= settings.keys():
                break
        run = here(settings)
        run([command, "sync"], cwd=folder)
        assert len(run([command, "users", "--json"], cwd=folder).splitlines()) == 12
    finally:
        sandbox.kill()
        sandbox.wait(timeout=LIMIT)


def test_the_command_has_manual_pages_and_completes_in_bash(command_prefix: Path, clean_env: dict[str, str], tmp_path: Path) -> None:
    share = command_prefix / "share"
    run = here(clean_env)
    for page in sorted((share / "man" / "man1").iterdir()):
        # With --warnings, man prints errors of the page as well.
        shown = run(["man", "--warnings", "--encoding=UTF-8", "--local-file", page], env={"MANPAGER": "cat", "MANROFFOPT": "-wmac"})
        assert page.stem in shown, page
        assert "warning" not in shown and "troff" not in shown, shown
    words = "source \"$1\"; COMP_WORDS=(headcount syn); COMP_CWORD=1; _headcount headcount syn headcount; echo \"${COMPREPLY[@]}\""
    assert run(["bash", "-c", words, "bash", share / "bash-completion" / "completions" / "headcount"]).split() == ["sync"]
    assert (share / "zsh" / "site-functions" / "_headcount").read_text().startswith("#compdef headcount")
    assert "complete -c headcount" in (share / "fish" / "vendor_completions.d" / "headcount.fish").read_text()
