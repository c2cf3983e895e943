"""What all packages share: the version, the platforms, the built artifacts, and archives that are the same in every build."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit("the packages need Python 3.11 or later: make dist PYTHON=python3.11")

import tomllib

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


@dataclass(frozen=True)
class Platform:
    """A platform for which packages are built. `tested` says whether this repository's tests install them there."""

    #: The suffix of the npm package, and Node's names of the system, the processor and the C library.
    npm: str
    os: str
    cpu: str
    libc: str | None
    #: Rust's name of the target.
    target: str
    #: The platform tag of the wheel.
    wheel: str
    tested: bool = False

    @property
    def glibc(self) -> bool:
        return self.libc == "glibc"


#: The oldest glibc with which the packages work: that of manylinux2014.
GLIBC = "2.17"

PLATFORMS = [
    Platform("linux-x64-gnu", "linux", "x64", "glibc", "x86_64-unknown-linux-gnu", "manylinux2014_x86_64", tested=True),
    Platform("linux-arm64-gnu", "linux", "arm64", "glibc", "aarch64-unknown-linux-gnu", "manylinux2014_aarch64"),
    Platform("linux-x64-musl", "linux", "x64", "musl", "x86_64-unknown-linux-musl", "musllinux_1_2_x86_64"),
    Platform("linux-arm64-musl", "linux", "arm64", "musl", "aarch64-unknown-linux-musl", "musllinux_1_2_aarch64"),
    Platform("darwin-x64", "darwin", "x64", None, "x86_64-apple-darwin", "macosx_10_12_x86_64"),
    Platform("darwin-arm64", "darwin", "arm64", None, "aarch64-apple-darwin", "macosx_11_0_arm64"),
    Platform("win32-x64", "win32", "x64", None, "x86_64-pc-windows-msvc", "win_amd64"),
]


@functools.cache
def host() -> Platform:
    """Returns the platform of the Rust compiler that runs here."""
    described = subprocess.run(["rustc", "--version", "--verbose"], check=True, capture_output=True, text=True).stdout
    target = next(line.split()[1] for line in described.splitlines() if line.startswith("host:"))
    for platform in PLATFORMS:
        if platform.target == target:
            return platform
    sys.exit(f"no packages are made for {target}; known are {', '.join(platform.target for platform in PLATFORMS)}")


@functools.cache
def version() -> str:
    """Returns the version of the workspace, which every package has."""
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


@functools.cache
def epoch() -> int:
    """Returns the time in seconds that files in packages have: SOURCE_DATE_EPOCH, or the time of the commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    return int(subprocess.run(["git", "log", "-1", "--format=%ct"], check=True, capture_output=True, text=True, cwd=ROOT).stdout)


@dataclass(frozen=True)
class Artifacts:
    """The files that cargo built for a platform, from which the packages are made."""

    platform: Platform
    #: The command.
    command: Path
    #: libheadcount, for programs that link dynamically and statically.
    shared_library: Path
    static_library: Path
    #: The extension module of the Python package, and the addon of the Node package.
    python_module: Path
    node_addon: Path

    @property
    def messages(self) -> Path:
        """What cargo printed when it built them: a JSON object in each line."""
        return self.command.with_name("messages.json")

    @classmethod
    def of(cls, folder: Path, platform: Platform) -> Artifacts:
        """Returns the artifacts in cargo's folder of a profile."""
        if platform.os == "win32":
            return cls(platform, folder / "headcount.exe", folder / "headcount.dll", folder / "headcount.lib", folder / "_headcount.dll", folder / "headcount_node.dll")
        suffix = "dylib" if platform.os == "darwin" else "so"
        return cls(
            platform,
            folder / "headcount",
            folder / f"libheadcount.{suffix}",
            folder / "libheadcount.a",
            folder / f"lib_headcount.{suffix}",
            folder / f"libheadcount_node.{suffix}",
        )


def run(*command: object, **options: object) -> None:
    """Runs a command, and ends the build with its output if it fails."""
    words = [str(word) for word in command]
    ran = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)  # type: ignore[call-overload]
    if ran.returncode != 0:
        sys.exit(f"{' '.join(words)}\nended with {ran.returncode}:\n{ran.stdout}")


def tar_gz(archive: Path, folder: Path, root: str) -> None:
    """Packs the files of a folder under the name `root`. The archive depends on the files' names, contents and executable bits alone."""
    packed = io.BytesIO()
    # Without the name and the time of the file.
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0, filename="") as stream, tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            entry = tar.gettarinfo(path, f"{root}/{path.relative_to(folder).as_posix()}")
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = epoch(), 0, 0, "root", "root"
            entry.mode = 0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644
            if path.is_symlink() or not path.is_file():
                tar.addfile(entry)
            else:
                with path.open("rb") as content:
                    tar.addfile(entry, content)
    archive.write_bytes(packed.getvalue())


def write_checksums(out: Path) -> None:
    """Writes SHA256SUMS, which `sha256sum --check SHA256SUMS` reads."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(out.iterdir()) if path.name != "SHA256SUMS"]
    (out / "SHA256SUMS").write_text("".join(lines))
