"""headcount beside other crates that link SQLite, of which a program can have one copy only.

    python3 -m unittest discover --start-directory tests/field/rust

Cargo chooses versions that suit both, or fails ("links to the native library `sqlite3`"). In the program of beside_sqlx, it has to choose the
oldest rusqlite of the range, and the tests of the store run on that. The newest runs in the tests of the core.
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
    def test_sqlx_0_8(self):
        chosen = resolve(HEADCOUNT + 'sqlx = { version = "=0.8.6", features = ["runtime-tokio", "sqlite"] }')
        self.assertRegex(chosen["rusqlite"], r"^0\.32\.")

    def test_sqlx_0_9(self):
        resolve(HEADCOUNT + 'sqlx = { version = "=0.9.0", features = ["runtime-tokio", "sqlite"] }')

    def test_diesel_2(self):
        resolve(HEADCOUNT + 'diesel = { version = "=2.3.14", features = ["sqlite"] }')

    def test_without_another_sqlite_crate_the_newest_rusqlite_of_the_range_is_chosen(self):
        wanted = re.search(r'^rusqlite = \{ version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
        newest = resolve(f'rusqlite = "{wanted}"')["rusqlite"]
        self.assertEqual(resolve(HEADCOUNT)["rusqlite"], newest)
        # The tests of the core run on a release of the same 0.x version.
        self.assertEqual(locked(ROOT)["rusqlite"].split(".")[:2], newest.split(".")[:2])

    def test_a_mirror_and_sqlx_0_8_in_one_program(self):
        output = build("test", "beside-sqlx")
        self.assertRegex(locked(HERE)["rusqlite"], r"^0\.32\.")
        self.assertRegex(output, r"test result: ok\. [1-9]\d+ passed; 0 failed")


if __name__ == "__main__":
    unittest.main()
