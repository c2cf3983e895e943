"""Makes the C package (a tarball and Debian packages) and the tarball of the command, from the libraries and the command that cargo built."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
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
        write(libraries / "README.md", fill("README.md.in", platform))
        pack(out, f"headcount-c-{release.version()}-{platform.target}", libraries)
        pack_command(stripped, folder / "command", out, command_licences)
        if platform.glibc:
            build_debian_packages(stripped, folder / "debian", out, licences, command_licences)


def pack_command(artifacts: release.Artifacts, folder: Path, out: Path, licences: Path | None) -> None:
    """Writes the tarball of the command."""
    install_command(artifacts, folder)
    install_documentation(folder / "share" / "doc" / "headcount", licences)
    pack(out, f"headcount-{release.version()}-{artifacts.platform.target}", folder)


def pack(out: Path, name: str, folder: Path) -> None:
    release.tar_gz(out / f"{name}.tar.gz", folder, name)


# ---- Debian packages ------------------------------------------------------------------------------------------------------

MAINTAINER = "The headcount authors <headcount@users.noreply.github.com>"
#: The package of Debian that has a library, and the prefix of the versions of its symbols.
PACKAGES_OF_LIBRARIES = {
    **dict.fromkeys(["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1"], ("libc6", "GLIBC_")),
    **dict.fromkeys(["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"], ("libc6", "GLIBC_")),
    "libgcc_s.so.1": ("libgcc-s1", "GCC_"),
}
#: Debian's name of an architecture.
ARCHITECTURES = {"x64": "amd64", "arm64": "arm64"}
#: The folder of completion scripts in Debian, where it is not the one below share/ in COMPLETIONS.
DEBIAN_COMPLETIONS = {"zsh": "zsh/vendor-completions/_headcount"}


def debian_version() -> str:
    """Returns the version of the packages. "~" sorts before the end of the text, so that a pre-release is older than its release."""
    return release.version().replace("-", "~", 1) + "-1"


def build_debian_packages(artifacts: release.Artifacts, folder: Path, out: Path, licences: Path | None, command_licences: Path | None) -> None:
    """Writes libheadcount0, libheadcount-dev and headcount."""
    triplet = artifacts.platform.target.replace("-unknown-", "-")
    layout = Layout(f"lib/{triplet}", "/usr")
    library_package = f"libheadcount{numbers()[0]}"

    library = folder / library_package
    install_shared_library(artifacts, library / "usr" / layout.libdir)
    control = library / "DEBIAN"
    # Packages that are built with the library get their dependency from these two files, which dpkg-shlibdeps reads.
    write(control / "symbols", symbols_text(library_package))
    write(control / "shlibs", f"libheadcount {numbers()[0]} {library_package} (>= {debian_version().rpartition('-')[0]})\n")
    write(control / "triggers", "activate-noawait ldconfig\n")
    finish_package(artifacts, library, out, licences)

    development = folder / "libheadcount-dev"
    install_development_files(artifacts, development / "usr", layout)
    copy(EXAMPLE, development / "usr" / "share" / "doc" / "libheadcount-dev" / "examples" / EXAMPLE.name)
    finish_package(artifacts, development, out, licences)

    command = folder / "headcount"
    install_command(artifacts, command / "usr")
    share = command / "usr" / "share"
    for shell, name in DEBIAN_COMPLETIONS.items():
        (share / name).parent.mkdir(parents=True)
        (share / COMPLETIONS[shell]).rename(share / name)
        (share / COMPLETIONS[shell]).parent.rmdir()
    for page in (share / "man" / "man1").iterdir():
        copy_compressed(page, page.with_name(f"{page.name}.gz"))
        page.unlink()
    for name in ("headcount.service", "headcount.toml"):
        copy(release.ROOT / "examples" / "deploy" / name, share / "doc" / "headcount" / "examples" / name)
    finish_package(artifacts, command, out, command_licences)


def finish_package(artifacts: release.Artifacts, root: Path, out: Path, licences: Path | None) -> None:
    """Adds the documentation and the control files, and packs a package, whose name is that of its folder."""
    package = root.name
    values = {"PACKAGE": package, "DEBIAN_VERSION": debian_version(), "MAINTAINER": MAINTAINER, "ARCHITECTURE": ARCHITECTURES[artifacts.platform.cpu]}
    documentation = root / "usr" / "share" / "doc" / package
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(release.epoch()))
    write_compressed(documentation / "changelog.Debian.gz", fill("debian/changelog", artifacts.platform, values | {"DATE": date}).encode())
    copy_compressed(release.ROOT / "CHANGELOG.md", documentation / "changelog.gz")
    if licences is not None:
        copy_compressed(licences, documentation / "THIRD-PARTY-LICENCES.gz")
    # The text of the licence without its title and its line of copyright, as this format wants it.
    expat = (release.ROOT / "LICENSE-MIT").read_text().partition("\n\n")[2].partition("\n\n")[2].strip()
    indented = "\n".join(f" {line}" if line else " ." for line in expat.splitlines())
    write(documentation / "copyright", fill("debian/copyright", artifacts.platform, {"EXPAT": indented}))
    overrides = TEMPLATES / "debian" / f"{package}.lintian-overrides"
    if overrides.exists():
        copy(overrides, root / "usr" / "share" / "lintian" / "overrides" / package)

    installed = sorted(path for path in (root / "usr").rglob("*"))
    files = [path for path in installed if path.is_file() and not path.is_symlink()]
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n" for path in files]
    write(root / "DEBIAN" / "md5sums", "".join(sums))
    # As dpkg-gencontrol counts: the kilobytes of each file, and one for everything else.
    size = sum(-(-path.stat().st_size // 1024) for path in files) + len(installed) - len(files) + 1
    values |= {
        "INSTALLED_SIZE": str(size),
        "LIBRARY_DEPENDS": dependencies(artifacts.shared_library),
        "COMMAND_DEPENDS": dependencies(artifacts.command),
    }
    write(root / "DEBIAN" / "control", fill(f"debian/{package}.control", artifacts.platform, values))
    for path in [root, *root.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
    target = out / f"{package}_{debian_version()}_{values['ARCHITECTURE']}.deb"
    # xz, because dpkg of Debian 11 does not read zstd. dpkg-deb writes files in the order of their names, and no time later than SOURCE_DATE_EPOCH.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch()), "LC_ALL": "C"}
    for path in [*root.rglob("*"), root]:
        os.utime(path, (release.epoch(), release.epoch()), follow_symlinks=False)
    release.run("dpkg-deb", "--root-owner-group", "-Zxz", "-z4", "--build", root, target, env=environment)


def dependencies(binary: Path) -> str:
    """Returns Debian's packages that a binary needs, with the latest version that its symbols ask for."""
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic_section(binary))
    printed = subprocess.run(["readelf", "--wide", "--version-info", binary], check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    found: dict[str, tuple[int, ...]] = {}
    for library in needed:
        if library not in PACKAGES_OF_LIBRARIES:
            sys.exit(f"{binary}: expected to need only libraries of {sorted(PACKAGES_OF_LIBRARIES)}, got {library}: name its Debian package in packaging/c.py")
        package, prefix = PACKAGES_OF_LIBRARIES[library]
        versions = [tuple(map(int, version.split("."))) for version in re.findall(rf"Name: {prefix}([0-9.]+)\b", printed)]
        found[package] = max([found.get(package, (0,)), *versions])
    return ", ".join(f"{package} (>= {'.'.join(map(str, version))})" for package, version in sorted(found.items()))


# ---- the functions of the library -----------------------------------------------------------------------------------------

SYMBOLS = TEMPLATES / "debian" / "symbols"


def functions() -> list[str]:
    """Returns the functions that the header declares."""
    header = re.sub(r"/\*.*?\*/", "", (release.ROOT / "include" / "headcount.h").read_text(), flags=re.DOTALL)
    return sorted(set(re.findall(r"^[a-z][^;{}()]*\b(hc_\w+)\(", header, flags=re.MULTILINE)))


def symbols() -> dict[str, str]:
    """Returns the functions with the version that first had them. Those that are not in the file yet are of this version."""
    known = dict(line.split() for line in SYMBOLS.read_text().splitlines())
    declared = functions()
    if gone := sorted(known.keys() - set(declared)):
        sys.exit(f"{SYMBOLS}: the header no longer declares {', '.join(gone)}: programs that call them need another SONAME")
    return {name: known.get(name, release.version().partition("-")[0]) for name in declared}


def symbols_text(package: str) -> str:
    """Returns the text of the file `symbols` of the package of the shared library."""
    lines = [f"{soname()} {package} #MINVER#", "* Build-Depends-Package: libheadcount-dev", *(f" {name}@Base {version}" for name, version in symbols().items())]
    return "\n".join(lines) + "\n"


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
    """Installs both libraries and everything that is needed to build with them."""
    install_shared_library(artifacts, prefix / layout.libdir)
    install_development_files(artifacts, prefix, layout)


def install_development_files(artifacts: release.Artifacts, prefix: Path, layout: Layout) -> None:
    """Installs the headers, the static library, the link for the linker, and the files for pkg-config and CMake."""
    for header in HEADERS:
        copy(release.ROOT / "include" / header, prefix / "include" / header)
    libdir = prefix / layout.libdir
    copy(artifacts.static_library, libdir / "libheadcount.a")
    (libdir / "libheadcount.so").symlink_to(soname())
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
    release.run("objcopy", "--remove-section=.comment", static)
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


def copy_compressed(source: Path, target: Path) -> None:
    write_compressed(target, source.read_bytes())


def write_compressed(path: Path, content: bytes) -> None:
    """Writes a file as `gzip -9n` does, without its name and time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))
    path.chmod(0o644)


def copy(source: Path, target: Path, executable: bool = False) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if executable else 0o644)


if __name__ == "__main__":
    # Adds new functions of the header to the list, with the version of this release.
    write(SYMBOLS, "".join(f"{name} {version}\n" for name, version in symbols().items()))
