"""Copies the documents of the repository, and changes what they have for GitHub into what the site needs.

- A link to a folder leads to its README, or without one to the folder in the repository. A link to a file that the reference is made from (``REFERENCES``) leads to that page of the reference. Other files
  of the repository, such as programs, are copied and can be downloaded.
- A list after the line ``<!-- programs -->``, each item of which is a link to a program, becomes tabs with the programs themselves.
- The language of a block of code is reduced to its name: ``rust,no_run`` becomes ``rust``.

A link to something that is not in the repository is an error.
"""

import os
import re
import shutil
from pathlib import Path, PurePosixPath

# Source files with a page of the reference that is made from them.
REFERENCES = {
    "include/headcount.h": "reference/c/index.md",
    "bindings-python/python/headcount/_headcount.pyi": "reference/python/index.md",
    "bindings-node/index.d.ts": "reference/node/index.md",
    "core/src/lib.rs": "reference/rust.md",
    "cli/tests/snapshots/help.txt": "reference/command.md",
    "core/src/error/kind.rs": "reference/errors.md",
    "core/src/defaults.rs": "reference/settings.md",
    "core/src/record/change.rs": "reference/changes.md",
    "sandbox/src/webhook-events.json": "reference/events.md",
}

# Names of languages in the settings of literalinclude, by the endings of files.
LANGUAGES = {".rs": "rust", ".c": "c", ".cpp": "cpp", ".py": "python", ".mjs": "js", ".cjs": "js", ".js": "js", ".ts": "ts", ".sh": "sh", ".toml": "toml", ".conf": "nginx", ".yaml": "yaml", ".sql": "sql"}

LINK = re.compile(r"(\]\()([^)\s]+)(\))")
FENCE = re.compile(r"^(```+|~~~+)(\S*)")
PROGRAMS = re.compile(r"^<!-- programs -->\n\n?((?:- \[[^\]]+\]\([^)]+\).*\n)+)", re.M)


class DeadLink(Exception):
    pass


class Documents:
    """The documents that become pages. ``tracked`` are the paths of all files of the repository, and ``pages`` those of the documents."""

    def __init__(self, root: Path, target: Path, tracked: set[str], pages: set[str]):
        self.root = root
        self.target = target
        self.tracked = tracked
        self.pages = pages
        self.repository = re.search(r'^repository = "(.*)"$', (root / "Cargo.toml").read_text(), re.M)[1]
        self.folders = {str(parent) for path in tracked for parent in PurePosixPath(path).parents}

    def copy(self, path: str, to: str) -> None:
        """Copies a document, with its links changed. ``path`` and ``to`` are paths in the repository and on the site."""
        text = (self.root / path).read_text()
        written = self.target / to
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(self.convert(text, path, to))

    def convert(self, text: str, path: str, to: str) -> str:
        text = PROGRAMS.sub(lambda found: self.tabs(found[1], path), text)
        lines, fence = [], None
        for line in text.splitlines(keepends=True):
            found = FENCE.match(line)
            if fence is None and found:
                fence = found[1]
                line = line.replace(found[2], found[2].split(",")[0], 1) if found[2] and not found[2].startswith("{") else line
            elif fence is not None and found and found[1] == fence and not found[2]:
                fence = None
            elif fence is None:
                line = LINK.sub(lambda link: link[1] + self.link(link[2], path, to) + link[3], line)
            lines.append(line)
        return "".join(lines)

    def link(self, link: str, path: str, to: str) -> str:
        """Returns a link of the document ``path`` as the page ``to`` has it."""
        target, hash_, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link) or not target:
            return link
        found = os.path.normpath(os.path.join(os.path.dirname(path), target))
        if found in REFERENCES:
            found, hash_, anchor = REFERENCES[found], "", ""
        elif found in self.folders and f"{found}/README.md" in self.pages:
            found = f"{found}/README.md"
        elif found in self.folders:
            return f"{self.repository}/tree/main/{found}"
        elif found not in self.tracked and found not in self.pages and not (self.target / found).exists():
            raise DeadLink(f"{path}: {link} is not in the repository")
        elif found.endswith(".md") and found not in self.pages:
            return f"{self.repository}/blob/main/{found}{hash_}{anchor}"
        elif not found.endswith(".md"):
            self.copy_file(found)
        return os.path.relpath(found, os.path.dirname(to) or ".") + hash_ + anchor

    def copy_file(self, path: str) -> None:
        copied = self.target / path
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.root / path, copied)

    def tabs(self, items: str, path: str) -> str:
        """Returns tabs with the programs that the items of a list link to."""
        text = []
        for label, link in re.findall(r"^- \[([^\]]+)\]\(([^)]+)\)", items, re.M):
            program = os.path.normpath(os.path.join(os.path.dirname(path), link))
            if program not in self.tracked:
                raise DeadLink(f"{path}: {link} is not in the repository")
            self.copy_file(program)
            language = LANGUAGES[PurePosixPath(program).suffix]
            text.append(f"````{{tab}} {label}\n`{program}`:\n\n```{{literalinclude}} /{program}\n:language: {language}\n```\n````\n")
        return "\n" + "\n".join(text) + "\n"
