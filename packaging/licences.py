"""Writes the licences of the Rust packages that are linked into a binary. Their licences require that the text goes with each copy."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from crates import Crate

#: Names of files with a licence or a notice.
FILES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
#: Packages whose archive on crates.io has no licence file. For these, the terms are those of the licence that the package names: another package in the
#: same list has the text.
WITHOUT_FILE_ALLOWED = {"MIT", "Apache-2.0", "MIT OR Apache-2.0", "Apache-2.0 OR MIT", "Zlib OR Apache-2.0 OR MIT", "BSD-3-Clause", "ISC"}


def write(crates: list[Crate], file: Path) -> None:
    """Writes the licence texts of these packages, each text once, with the packages that it is for."""
    texts: dict[str, tuple[str, list[Crate]]] = {}
    without: list[Crate] = []
    for crate in crates:
        if crate.checksum is None:
            continue
        found = [path for path in sorted(crate.folder.iterdir()) if path.is_file() and FILES.search(path.name) and path.suffix not in (".rs", ".html")]
        for path in found:
            text = path.read_text(encoding="utf-8", errors="replace").strip()
            # Texts that differ in their line breaks and spaces alone are one text.
            texts.setdefault(" ".join(text.split()), (text, []))[1].append(crate)
        if not found:
            if crate.licence not in WITHOUT_FILE_ALLOWED:
                sys.exit(f"{crate.name} {crate.version} has no licence file, and its licence, {crate.licence}, is not one of which the text is known to be in the list")
            without.append(crate)
    lines = ["Licences of the software that is linked into this binary of headcount", "", "Packages:"]
    lines += [f"  {crate.name} {crate.version}: {crate.licence}" for crate in crates if crate.checksum is not None]
    if without:
        lines += ["", "Without a text in their archive, under the terms of the licence that they name: " + ", ".join(f"{crate.name} {crate.version}" for crate in without)]
    lines += ["", "SQLite, which libsqlite3-sys contains, is in the public domain: https://www.sqlite.org/copyright.html"]
    for text, of in texts.values():
        names = ", ".join(dict.fromkeys(f"{crate.name} {crate.version}" for crate in of))
        lines += ["", "-" * 100, f"For {names}:", "", *(line.rstrip() for line in text.splitlines())]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
