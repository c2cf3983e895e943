"""The code blocks of docs/installing.md, with the packages in dist/."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from c_projects import here
from conftest import ROOT
from test_c import prefix  # noqa: F401 - a fixture

QUICKSTART = ROOT / "examples" / "c" / "quickstart.c"
BLOCKS = re.findall(r"^```(\S+)\n(.*?)^```$", (ROOT / "docs" / "installing.md").read_text(), re.MULTILINE | re.DOTALL)


def test_the_lines_for_cmake_build_a_program(prefix: Path, clean_env: dict[str, str], tmp_path: Path) -> None:  # noqa: F811
    [lines] = [code for language, code in BLOCKS if language == "cmake"]
    (tmp_path / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.13)\nproject(program C)\nadd_executable(program program.c)\n{lines}")
    (tmp_path / "program.c").write_text(QUICKSTART.read_text())
    run = here(clean_env)
    run(["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}"])
    run(["cmake", "--build", tmp_path / "build"])


def test_the_commands_with_pkg_config_build_programs(prefix: Path, clean_env: dict[str, str], tmp_path: Path) -> None:  # noqa: F811
    [commands] = [code for language, code in BLOCKS if language == "text"]
    (tmp_path / "program.c").write_text(QUICKSTART.read_text())
    # pkg-config escapes the space in the path of the folder, which a shell then needs eval for.
    for command in commands.splitlines():
        words = re.sub(r"\$\((.*?)\)", lambda match: subprocess.run(shlex.split(match[1]), check=True, capture_output=True, text=True, timeout=60, env={**clean_env, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}).stdout.strip(), command)
        here(clean_env)(["sh", "-c", f"cd {shlex.quote(str(tmp_path))} && {words}"])
        (tmp_path / "program").unlink()
