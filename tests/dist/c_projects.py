"""Builds the projects in c/ with an installed headcount, and runs their programs: on this machine, or in a chroot."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

#: The projects: c99 and cpp17 with CMake, make with pkg-config.
PROJECTS = Path(__file__).resolve().parent / "c"
#: For how many seconds a command may run. Compiling takes two, if nothing else runs.
LIMIT = 300
#: Runs a command with additional variables and returns its output. A command that fails is an error with its output.
Run = Callable[..., str]


def here(clean_env: Mapping[str, str]) -> Run:
    """Returns a function that runs commands on this machine."""

    def run(command: Sequence[object], env: Mapping[str, object] | None = None, cwd: Path | None = None) -> str:
        words = [str(word) for word in command]
        variables = {**clean_env, **{name: str(value) for name, value in (env or {}).items()}}
        ran = subprocess.run(words, env=variables, cwd=cwd, timeout=LIMIT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert ran.returncode == 0, f"{' '.join(words)}\nended with {ran.returncode}:\n{ran.stdout}"
        return ran.stdout

    return run


def this_platform() -> str:
    """Returns this machine's system and C library, as they are called in the table of platforms."""
    system = platform.freedesktop_os_release()
    return f"{system['ID'].capitalize()} {system.get('VERSION_ID', '')}".strip() + ", " + os.confstr("CS_GNU_LIBC_VERSION")  # type: ignore[operator]


def build_with_cmake(run: Run, project: Path, build: Path, *options: str, env: Mapping[str, object] | None = None) -> None:
    run(["cmake", "-S", project, "-B", build, *options], env=env)
    run(["cmake", "--build", build], env=env)


def build_with_make(run: Run, project: Path, out: Path, *settings: str, env: Mapping[str, object] | None = None) -> None:
    """Builds the C and the C++ program with the Makefile, which uses pkg-config, as `program_c` and `program_cpp` in the folder `out`. `settings` are arguments of make."""
    run(["make", "-C", project, f"OUT={out}", *settings], env=env)


def check_program(run: Run, program: Path, mirror: Path, version: str, env: Mapping[str, object] | None = None) -> None:
    """Runs a program of the projects, and checks what it printed about users and webhooks."""
    printed = run([program, mirror], env=env).splitlines()
    assert printed == [
        f"headcount {version}",
        "12 users listed",
        "12 users mirrored",
        "genuine webhook: ok",
        "forged webhook: webhook_verification",
    ]


def needed(program: Path) -> list[str]:
    """Returns the names of the libraries that the dynamic loader loads for a program."""
    printed = subprocess.run(["readelf", "--wide", "--dynamic", program], check=True, capture_output=True, text=True, timeout=LIMIT, env={**os.environ, "LC_ALL": "C"}).stdout
    return [line.split("[")[1].split("]")[0] for line in printed.splitlines() if "(NEEDED)" in line]
