"""headcount beside other crates that link SQLite, of which a program can have one copy only.

    python3 -m unittest tests/field/rust/test_databases.py

Cargo chooses versions that suit both, or fails ("links to the native library `sqlite3`"). In the program of beside_sqlx, it has to choose the
oldest rusqlite of the range, and the tests of the store run on that. The newest runs in the tests of the core.
"""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BESIDE_SQLX = Path(__file__).resolve().parent / "beside_sqlx"
# Build settings of the workspace are no part of these programs.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("CARGO_TARGET_DIR", "RUSTFLAGS", "MAKEFLAGS")}

MANIFEST = """[package]
name = "application"
version = "0.0.0"
edition = "2024"

[dependencies]
headcount = {{ path = "{core}" }}
{others}

[workspace]
"""


def cargo(folder, *arguments, limit):
    """Runs cargo in `folder`, for at most `limit` seconds. Returns what it printed; fails with that if cargo fails."""
    ended = subprocess.run(["cargo", *arguments], cwd=folder, env=ENVIRONMENT, timeout=limit, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if ended.returncode:
        raise AssertionError(f"cargo {' '.join(arguments)} failed:\n{ended.stdout}")
    return ended.stdout


def locked(folder):
    """Reads the version of each crate from the lock file of `folder`."""
    return dict(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', (folder / "Cargo.lock").read_text()))


class Databases(unittest.TestCase):
    def resolve(self, others):
        """Chooses versions for an application that uses headcount and `others`, and returns them."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "src").mkdir()
            (folder / "src/lib.rs").touch()
            (folder / "Cargo.toml").write_text(MANIFEST.format(core=ROOT / "core", others=others))
            cargo(folder, "generate-lockfile", limit=120)
            return locked(folder)

    def test_sqlx_0_8(self):
        chosen = self.resolve('sqlx = { version = "0.8", features = ["runtime-tokio", "sqlite"] }')
        self.assertRegex(chosen["sqlx"], r"^0\.8\.")
        self.assertRegex(chosen["rusqlite"], r"^0\.32\.")

    def test_sqlx_0_9(self):
        chosen = self.resolve('sqlx = { version = "0.9", features = ["runtime-tokio", "sqlite"] }')
        self.assertRegex(chosen["sqlx"], r"^0\.9\.")

    def test_diesel_2(self):
        chosen = self.resolve('diesel = { version = "2", features = ["sqlite"] }')
        self.assertRegex(chosen["diesel"], r"^2\.")

    def test_without_another_one_the_newest_rusqlite_is_chosen(self):
        chosen = self.resolve("")
        self.assertEqual(chosen["rusqlite"], locked(ROOT)["rusqlite"])

    def test_a_mirror_and_sqlx_0_8_in_one_program(self):
        # The versions of the workspace, where they suit: those that depend on SQLite are left to cargo.
        packages = (ROOT / "Cargo.lock").read_text().split("[[package]]\n")
        free = ("rusqlite", "libsqlite3-sys", "hashlink")
        kept = [package for package in packages if not package.startswith(tuple(f'name = "{name}"\n' for name in free))]
        (BESIDE_SQLX / "Cargo.lock").write_text("[[package]]\n".join(kept))
        target = ROOT / "target" / "field-rust"
        output = cargo(BESIDE_SQLX, "test", "--quiet", "--target-dir", str(target), limit=1100)
        self.assertRegex(locked(BESIDE_SQLX)["rusqlite"], r"^0\.32\.")
        self.assertRegex(output, r"test result: ok\. [1-9]\d+ passed; 0 failed")


if __name__ == "__main__":
    unittest.main()
