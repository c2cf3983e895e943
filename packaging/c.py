"""Makes the C package (a tarball and Debian packages) and the tarball of the command, from the libraries and the command that cargo built."""

from __future__ import annotations

import functools
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import release

TEMPLATES = Path(__file__).resolve().parent / "c"
HEADERS = ["headcount.h", "headcount.hpp"]
EXAMPLE = release.ROOT / "examples" / "c" / "quickstart.c"
#: The libraries of the system that a program needs with libheadcount.a. They are part of glibc.
PRIVATE_LIBS = "-lm -ldl -lpthread"
#: The folder of completion scripts below share/, and a script's name there, for each shell.
COMPLETIONS = {"bash": "bash-completion/completions/headcount", "zsh": "zsh/site-functions/_headcount", "fish": "fish/vendor_completions.d/headcount.fish"}


def soname() -> str:
    """Returns the name under which programs look for the shared library. The build passes it to cargo as HEADCOUNT_SONAME."""
    return f"libheadcount.so.{numbers()[0]}"


def numbers() -> tuple[int, int, int]:
    """Returns the numbers of the version. That of a pre-release, 0.2.0-rc.1, has those of the release."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", release.version())
    assert found is not None, release.version()
    return int(found[1]), int(found[2]), int(found[3])


def build(artifacts: release.Artifacts, out: Path, licences: Path | None = None, command_licences: Path | None = None) -> None:
    """Writes the tarball of the command to the folder `out`; on Linux that of the libraries, and for glibc the Debian packages.

    `licences` and `command_licences` are files with the licences of the crates in the libraries and in the command; they are installed as documentation.
    """
    platform = artifacts.platform
    with tempfile.TemporaryDirectory(prefix="headcount-c-") as temporary:
        folder = Path(temporary)
        if platform.os != "linux":
            # Elsewhere the library has another form (install names, import libraries), for which nothing here is tested.
            pack_command(artifacts, folder / "command", out, command_licences)
            return
        for tool in ("readelf", "objcopy", "dpkg-deb"):
            if shutil.which(tool) is None:
                sys.exit(f"{tool} is missing: run scripts/cmake.sh, or install binutils and dpkg")
        check_soname(artifacts.shared_library)
        stripped = strip(artifacts, folder / "stripped")
        libraries = folder / "libraries"
        install_libraries(stripped, libraries, Layout.relocatable())
        install_documentation(libraries / "share" / "doc" / "headcount", licences)
        copy(EXAMPLE, libraries / "share" / "doc" / "headcount" / "examples" / EXAMPLE.name)
        write(libraries / "README.md", fill("README.md", platform))
        pack(out, f"headcount-c-{release.version()}-{platform.target}", libraries)
        pack_command(stripped, folder / "command", out, command_licences)


def pack_command(artifacts: release.Artifacts, folder: Path, out: Path, licences: Path | None) -> None:
    """Writes the tarball of the command."""
    install_command(artifacts, folder)
    install_documentation(folder / "share" / "doc" / "headcount", licences)
    pack(out, f"headcount-{release.version()}-{artifacts.platform.target}", folder)


def pack(out: Path, name: str, folder: Path) -> None:
    release.tar_gz(out / f"{name}.tar.gz", folder, name)


# ---- the files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Where the libraries are: below `prefix`, in the folder `libdir`. `pc_prefix` is the prefix in the files of pkg-config."""

    libdir: str
    pc_prefix: str

    @classmethod
    def relocatable(cls) -> Layout:
        """Returns the layout of the tarball, whose files find the prefix by their own place."""
        return cls("lib", "${pcfiledir}/../..")


def install_libraries(artifacts: release.Artifacts, prefix: Path, layout: Layout) -> None:
    """Installs the headers, both libraries, and the files for pkg-config and CMake."""
    for header in HEADERS:
        copy(release.ROOT / "include" / header, prefix / "include" / header)
    libdir = prefix / layout.libdir
    install_shared_library(artifacts, libdir)
    (libdir / "libheadcount.so").symlink_to(soname())
    copy(artifacts.static_library, libdir / "libheadcount.a")
    values = {
        "PREFIX": layout.pc_prefix,
        "LIBDIR": layout.libdir,
        "PRIVATE_LIBS": PRIVATE_LIBS,
        # From lib/cmake/headcount to the prefix.
        "UP": "/".join([".."] * (len(Path(layout.libdir).parts) + 2)),
        "SHARED": shared_file(),
        "SONAME": soname(),
    }
    for name in ("headcount.pc", "headcount-static.pc"):
        write(libdir / "pkgconfig" / name, fill(name, artifacts.platform, values))
    for name in ("headcountConfig.cmake", "headcountConfigVersion.cmake"):
        write(libdir / "cmake" / "headcount" / name, fill(name, artifacts.platform, values))


def shared_file() -> str:
    """Returns the name of the shared library's file. The SONAME is a link to it, so that two versions can be installed at once."""
    return "libheadcount.so." + ".".join(str(number) for number in numbers())


def install_shared_library(artifacts: release.Artifacts, libdir: Path) -> None:
    """Installs the shared library and the link that programs load at run time."""
    copy(artifacts.shared_library, libdir / shared_file())
    (libdir / soname()).symlink_to(shared_file())


def install_command(artifacts: release.Artifacts, prefix: Path) -> None:
    """Installs the command, its manual pages and the scripts that complete its arguments, which the command itself writes."""
    copy(artifacts.command, prefix / "bin" / artifacts.command.name, executable=True)
    pages = prefix / "share" / "man" / "man1"
    pages.mkdir(parents=True)
    # No settings of the machine, which the help would show, and a fixed width.
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "100"}
    try:
        release.run(artifacts.command, "man", pages, env=environment)
        for shell, name in COMPLETIONS.items():
            script = subprocess.run([artifacts.command, "completions", shell], check=True, capture_output=True, text=True, env=environment).stdout
            write(prefix / "share" / name, script)
    except OSError as error:
        sys.exit(f"{artifacts.command} does not run here ({error}): build the packages for {artifacts.platform.target} on that platform")


def install_documentation(folder: Path, licences: Path | None) -> None:
    """Installs the licences and the changelog."""
    for name in ("LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md"):
        copy(release.ROOT / name, folder / name)
    if licences is not None:
        copy(licences, folder / "THIRD-PARTY-LICENCES")


def strip(artifacts: release.Artifacts, folder: Path) -> release.Artifacts:
    """Returns copies without symbols that only a debugger needs. In the static library, the symbols of SQLite are renamed."""
    folder.mkdir()
    command, shared, static = folder / "headcount", folder / "libheadcount.so", folder / "libheadcount.a"
    for source, target in ((artifacts.command, command), (artifacts.shared_library, shared)):
        release.run("objcopy", "--strip-unneeded", "--remove-section=.comment", source, target)
    release.run("sh", release.ROOT / "scripts" / "static-library.sh", artifacts.static_library, static)
    return release.Artifacts(artifacts.platform, command, shared, static, artifacts.python_module, artifacts.node_addon)


def check_soname(library: Path) -> None:
    """Ends the build if the shared library has another SONAME than the packages install."""
    named = re.search(r"\(SONAME\).*\[(.*)\]", dynamic_section(library))
    if named is None or named[1] != soname():
        sys.exit(f"{library}: expected the SONAME {soname()}, got {named[1] if named else 'none'}: build it with HEADCOUNT_SONAME={soname()}")


@functools.cache
def dynamic_section(file: Path) -> str:
    return subprocess.run(["readelf", "--wide", "--dynamic", file], check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


def fill(name: str, platform: release.Platform, values: dict[str, str] = {}) -> str:
    """Returns the text of a template, with a value for each @NAME@."""
    major, minor, patch = numbers()
    known = {
        "VERSION": release.version(),
        "NUMBERS": f"{major}.{minor}.{patch}",
        "MAJOR": str(major),
        "MINOR": str(minor),
        "TARGET": platform.target,
        "GLIBC": release.GLIBC,
        **values,
    }
    return re.sub(r"@([A-Z_]+)@", lambda found: known[found[1]], (TEMPLATES / name).read_text())


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)


def copy(source: Path, target: Path, executable: bool = False) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if executable else 0o644)
