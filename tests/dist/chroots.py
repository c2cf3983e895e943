"""Debian systems in folders, older and newer than this machine, in which the packages are installed as on a fresh machine.

    root = chroot("bullseye", ["gcc", "cmake"])
    run_in(root, ["gcc", "--version"], timeout=60)

A system is made once, in build/chroots, and used by all tests and later runs: a test removes again what it has installed (`exclusive`, `folder_in`). This needs
root, the permission to mount, and the program mmdebstrap, which scripts/cmake.sh installs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CHROOTS = Path(os.environ.get("HEADCOUNT_CHROOTS", ROOT / "build" / "chroots"))
#: For how many seconds making a system, or installing packages in it, may take. It takes one or two minutes.
INSTALLING = 900
#: Where this machine's certificate authorities are in a system, and the variables by which programs find them.
CERTIFICATES = "/etc/certificates-of-the-host.crt"
CERTIFICATE_VARIABLES = ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]


def chroot(suite: str, packages: Sequence[str]) -> Path:
    """Returns the root folder of a minimal Debian of this suite ("bullseye") with these packages, and makes or completes it if necessary."""
    root = CHROOTS / suite
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        raise RuntimeError("a chroot needs root and the program mmdebstrap: run as root, after `sh scripts/cmake.sh`")
    with exclusive(root):
        if not root.exists():
            make(root, suite, packages)
        lend_settings(root)
        missing = [package for package in packages if not is_installed(root, package)]
        if missing:
            run_in(root, ["apt-get", "update", "--quiet=2"], timeout=INSTALLING)
            install_in(root, missing)
    return root


def make(root: Path, suite: str, packages: Sequence[str]) -> None:
    """Makes a system beside `root` and renames it at the end, so that one whose making was interrupted is not used."""
    new = root.with_name(f"{root.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    words = ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--aptopt=Acquire::Languages \"none\"", "--aptopt=APT::Install-Recommends \"false\""]
    words += ["--dpkgopt=force-unsafe-io", f"--include={','.join(packages)}", suite, str(new)]
    ran = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=INSTALLING)
    if ran.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}\nended with {ran.returncode}:\n{ran.stdout}")
    new.rename(root)


def is_installed(root: Path, package: str) -> bool:
    folder = root / "var" / "lib" / "dpkg" / "info"
    return any(folder.glob(f"{package}.list")) or any(folder.glob(f"{package}:*.list"))


def install_in(root: Path, packages: Sequence[str]) -> str:
    """Installs packages of the suite, or files whose names begin with "./" or "/", with apt, and returns what apt printed."""
    words = ["apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends", *packages]
    return run_in(root, words, env={"DEBIAN_FRONTEND": "noninteractive"}, timeout=INSTALLING)


def lend_settings(root: Path) -> None:
    """Copies this machine's name servers and certificate authorities, with which programs in the system reach the registries."""
    (root / "etc" / "resolv.conf").unlink(missing_ok=True)
    for source, target in (("/etc/resolv.conf", "/etc/resolv.conf"), ("/etc/hosts", "/etc/hosts"), ("/etc/ssl/certs/ca-certificates.crt", CERTIFICATES)):
        if Path(source).exists():
            shutil.copyfile(source, root / target.lstrip("/"))


def run_in(root: Path, command: Sequence[object], env: Mapping[str, object] | None = None, *, timeout: float, cwd: str = "/") -> str:
    """Runs a command in a system and returns what it printed. A command that fails is an AssertionError with its output.

    Its environment has a PATH, an empty HOME, and `env`. It has its own /proc, and all processes that it leaves are ended.
    """
    words = [str(word) for word in command]
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    if (root / CERTIFICATES.lstrip("/")).exists():
        environment |= dict.fromkeys(CERTIFICATE_VARIABLES, CERTIFICATES)
    environment |= {name: str(value) for name, value in (env or {}).items()}
    # In namespaces of its own: the mounts and the processes of the command end with it.
    script = 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && root=$1 && cwd=$2 && shift 2 && exec chroot "$root" sh -c \'cd "$0" && exec "$@"\' "$cwd" "$@"'
    inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", str(root), cwd, *words]
    ran = subprocess.run(inside, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    assert ran.returncode == 0, f"in {root.name}: {' '.join(words)}\nended with {ran.returncode}:\n{ran.stdout}"
    return ran.stdout


@contextlib.contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """Keeps other processes from changing the packages of a system, until the block ends. In the block, do not call `chroot`: it would wait for the block."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def folder_in(root: Path) -> Iterator[tuple[Path, str]]:
    """Gives an empty folder in a system, as a path on this machine and as a path in the system. It is removed when the block ends."""
    folder = Path(tempfile.mkdtemp(dir=root / "tmp"))
    folder.chmod(0o755)
    try:
        yield folder, f"/tmp/{folder.name}"
    finally:
        shutil.rmtree(folder)


def glibc_of(root: Path) -> str:
    """Returns the version of glibc of a system, such as "2.31"."""
    return run_in(root, ["ldd", "--version"], timeout=60).splitlines()[0].split()[-1]
