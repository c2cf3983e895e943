"""The Debian packages: checked with lintian, and installed with apt in a Debian 11, where the projects in c/ are built and run."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import release
from c_projects import LIMIT, PROJECTS, build_with_cmake, build_with_make, check_program
from chroots import chroot, exclusive, folder_in, glibc_of, install_in, run_in

Covered = Callable[[str, str, str], None]
VERSION = release.version()
MAJOR = VERSION.split(".")[0]
#: The packages in the order in which they depend on each other.
PACKAGES = [f"libheadcount{MAJOR}", "libheadcount-dev", "headcount"]


@pytest.fixture(scope="module")
def debs(dist: Path) -> dict[str, Path]:
    """The file of each package."""
    found = {path.name.split("_")[0]: path for path in dist.glob("*.deb")}
    assert sorted(found) == sorted(PACKAGES)
    return found


def field(deb: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "--field", deb, name], check=True, capture_output=True, text=True, timeout=LIMIT).stdout.strip()


def with_few_objects(deb: Path, folder: Path) -> Path:
    """Packs the package again with the first objects of its static library alone. lintian reads each object with several programs, which takes three minutes for all 500."""
    root = folder / "root"
    run = functools.partial(subprocess.run, check=True, timeout=LIMIT)
    run(["dpkg-deb", "--raw-extract", deb, root])
    [library] = root.rglob("libheadcount.a")
    objects = run(["ar", "t", library], capture_output=True, text=True).stdout.split()[:5]
    run(["ar", "x", library, *objects], cwd=folder)
    library.unlink()
    run(["ar", "rcsD", library, *(folder / name for name in objects)])
    sums = root / "DEBIAN" / "md5sums"
    name = str(library.relative_to(root))
    text, count = re.subn(rf"(?m)^[0-9a-f]{{32}}  {re.escape(name)}$", f"{hashlib.md5(library.read_bytes()).hexdigest()}  {name}", sums.read_text())
    assert count == 1
    sums.write_text(text)
    run(["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", root, folder / deb.name], stdout=subprocess.DEVNULL)
    return folder / deb.name


def test_lintian_finds_nothing(debs: dict[str, Path], clean_env: dict[str, str], tmp_path: Path) -> None:
    """Not even of its severity `info`. What is overridden has a reason in the file of overrides."""
    checked = {**debs, "libheadcount-dev": with_few_objects(debs["libheadcount-dev"], tmp_path)}
    # What lintian takes for misspelt words in a binary are parts of identifiers, and strings beside each other. Which it finds depends on the profile of the build.
    words = ["lintian", "--no-cfg", "--allow-root", "--display-info", "--tag-display-limit", "0", "--suppress-tags", "spelling-error-in-binary"]
    words += ["--fail-on", "error,warning,info", *map(str, checked.values())]
    ran = subprocess.run(words, env=clean_env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT)
    assert ran.returncode == 0, ran.stdout
    assert not re.findall(r"^[EWI]: .*", ran.stdout, re.M), ran.stdout


def test_the_library_depends_on_glibc_alone_and_not_on_a_later_one_than_2_17(debs: dict[str, Path]) -> None:
    for package in (f"libheadcount{MAJOR}", "headcount"):
        depends = re.fullmatch(r"libc6 \(>= ([0-9.]+)\)", field(debs[package], "Depends"))
        assert depends is not None, field(debs[package], "Depends")
        assert [int(number) for number in depends[1].split(".")] <= [int(number) for number in release.GLIBC.split(".")]
    assert field(debs["libheadcount-dev"], "Depends") == f"libheadcount{MAJOR} (= {field(debs['headcount'], 'Version')})"


def test_the_packages_are_sorted_and_have_the_time_of_the_release(debs: dict[str, Path], clean_env: dict[str, str]) -> None:
    for deb in debs.values():
        listed = subprocess.run(["dpkg-deb", "--contents", deb], check=True, capture_output=True, text=True, timeout=LIMIT, env={**clean_env, "TZ": "UTC"}).stdout
        assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
        assert len({tuple(line.split()[3:5]) for line in listed.splitlines()}) == 1, "the files have different times"


@pytest.fixture(scope="module")
def bullseye(debs: dict[str, Path]) -> Iterator[Path]:
    """A Debian 11 in which the packages are installed, without Rust. At the end they are removed again, and nothing of them may be left."""
    root = chroot("bullseye", ["gcc", "g++", "make", "cmake", "pkg-config", "dpkg-dev"])
    with exclusive(root), folder_in(root) as (folder, inside):
        # If the last run was interrupted, they are still installed.
        run_in(root, ["dpkg", "--purge", *reversed(PACKAGES)], timeout=LIMIT)
        for deb in debs.values():
            shutil.copy(deb, folder)
        install_in(root, [f"{inside}/{debs[package].name}" for package in PACKAGES])
        yield root
        run_in(root, ["dpkg", "--purge", *reversed(PACKAGES)], timeout=LIMIT)
        left = [str(path) for path in (root / "usr").rglob("*headcount*")]
        assert left == [], "these files are left after dpkg --purge"


def runner(root: Path) -> Callable[..., str]:
    def run(command: list[object], env: dict[str, object] | None = None, cwd: str = "/") -> str:
        return run_in(root, command, env=env, timeout=LIMIT, cwd=cwd)

    return run


@pytest.fixture
def projects(bullseye: Path) -> Iterator[Path]:
    """A copy of the projects in the system; the path is the one inside."""
    with folder_in(bullseye) as (folder, inside):
        shutil.copytree(PROJECTS, folder / "c", symlinks=True)
        yield Path(inside, "c")


def platform_of(root: Path) -> str:
    return f"Debian 11, glibc {glibc_of(root)}"


def test_a_c99_project_builds_with_cmake_on_debian_11(bullseye: Path, projects: Path, covered: Covered) -> None:
    run = runner(bullseye)
    for kind, static in (("shared", "OFF"), ("static", "ON")):
        build = projects / kind
        build_with_cmake(run, projects / "c99", build, f"-Dheadcount_USE_STATIC_LIBS={static}")
        check_program(run, build / "program", build / "mirror.db", VERSION)
        covered(platform_of(bullseye), "C99, CMake", f".deb, {kind} library")


def test_a_cpp17_project_builds_with_cmake_on_debian_11(bullseye: Path, projects: Path, covered: Covered) -> None:
    run = runner(bullseye)
    build = projects / "build"
    build_with_cmake(run, projects / "cpp17", build)
    for kind in ("shared", "static"):
        check_program(run, build / f"program_{kind}", build / f"{kind}.db", VERSION)
        covered(platform_of(bullseye), "C++17, CMake", f".deb, {kind} library")


def test_a_makefile_with_pkg_config_builds_on_debian_11(bullseye: Path, projects: Path, covered: Covered) -> None:
    run = runner(bullseye)
    # No folder of the system is named: it would come before those of the user.
    assert run(["pkg-config", "--cflags", "--libs", "headcount"]).split() == ["-lheadcount"]
    for kind, package in (("shared", "headcount"), ("static", "headcount-static")):
        out = projects / "make" / kind
        run(["mkdir", out])
        build_with_make(run, projects / "make", out, f"PACKAGE={package}")
        for language, program in (("C99", "program_c"), ("C++17", "program_cpp")):
            check_program(run, out / program, out / f"{program}.db", VERSION)
            covered(platform_of(bullseye), f"{language}, pkg-config", f".deb, {kind} library")


def test_a_package_that_is_built_with_the_library_depends_on_it(bullseye: Path, projects: Path) -> None:
    """dpkg-shlibdeps reads the symbols file of libheadcount0."""
    run = runner(bullseye)
    run(["gcc", "-std=c99", projects / "c99" / "main.c", "-o", projects / "program", "-lheadcount"])
    run(["mkdir", projects / "debian"])
    run(["sh", "-c", f"printf 'Source: uses\\n\\nPackage: uses\\nArchitecture: any\\n' > {projects}/debian/control"])
    printed = run(["dpkg-shlibdeps", "-O", projects / "program"], cwd=str(projects))
    assert f"libheadcount{MAJOR} (>= 0.1.0)" in printed


def test_the_command_runs_on_debian_11(bullseye: Path, projects: Path, covered: Covered) -> None:
    run = runner(bullseye)
    assert run(["headcount", "--version"]) == f"headcount {VERSION}\n"
    script = """
        mkfifo settings
        headcount sandbox --env --users 12 > settings 2> log &
        while read -r line; do eval "$line"; case $line in *WEBHOOK_SECRET*) break ;; esac; done < settings
        headcount --quiet sync > report
        headcount users --json | wc -l
    """
    assert run(["sh", "-euc", script], cwd=str(projects)).strip() == "12"
    covered(platform_of(bullseye), "shell", ".deb of the command")
