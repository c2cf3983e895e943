"""Tests headcount beside other crates that link SQLite. A program can contain only one copy of SQLite.

    python3 -m unittest discover --start-directory tests/field/rust

Cargo chooses versions that all crates accept, or fails ("links to the native library `sqlite3`"). In the program of beside_sqlx, it has to choose the
oldest rusqlite of headcount's range, and the tests of the store run with that. The tests of the core run with the newest one.
"""

import re
import tempfile
import unittest
from pathlib import Path

from field import HERE, ROOT, build, cargo, locked

MANIFEST = """[package]
name = "application"
version = "0.0.0"
edition = "2024"

[dependencies]
{dependencies}

[workspace]
"""
HEADCOUNT = f'headcount = {{ path = "{ROOT / "core"}" }}\n'


def resolve(dependencies):
    """Chooses versions for an application with these dependencies, from what the registry has, and returns them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "src").mkdir()
        (folder / "src/lib.rs").touch()
        (folder / "Cargo.toml").write_text(MANIFEST.format(dependencies=dependencies))
        cargo(folder, "generate-lockfile", limit=120)
        return locked(folder)


class Databases(unittest.TestCase):
    def test_beside_sqlx_0_8_the_oldest_rusqlite_of_the_range_is_chosen(self):
        chosen = resolve(HEADCOUNT + 'sqlx = { version = "=0.8.6", features = ["runtime-tokio", "sqlite"] }')
        self.assertRegex(chosen["rusqlite"], r"^0\.32\.")

    def test_cargo_finds_versions_for_headcount_and_sqlx_0_9(self):
        resolve(HEADCOUNT + 'sqlx = { version = "=0.9.0", features = ["runtime-tokio", "sqlite"] }')

    def test_cargo_finds_versions_for_headcount_and_diesel_2(self):
        resolve(HEADCOUNT + 'diesel = { version = "=2.3.14", features = ["sqlite"] }')

    def test_without_another_sqlite_crate_the_newest_rusqlite_of_the_range_is_chosen(self):
        wanted = re.search(r'^rusqlite = \{ version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        newest = resolve(f'rusqlite = "{wanted}"')["rusqlite"]
        self.assertEqual(resolve(HEADCOUNT)["rusqlite"], newest)
        # The tests of the core run on a release of the same 0.x version.
        self.assertEqual(locked(ROOT)["rusqlite"].split(".")[:2], newest.split(".")[:2])

    def test_the_store_and_a_mirror_work_beside_sqlx_0_8_in_one_program(self):
        output = build("test", "beside-sqlx")
        self.assertRegex(locked(HERE)["rusqlite"], r"^0\.32\.")
        self.assertRegex(output, r"test result: ok\. [1-9]\d+ passed; 0 failed")


if __name__ == "__main__":
    unittest.main()
