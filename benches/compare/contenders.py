"""The programs that are compared: how each is run, its files, and the packages that it needs."""

import ast
import io
import re
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Contender:
    """A program. `packages` are those that it installs, by the names of PyPI or npm; `imported` is what it imports of them."""

    name: str
    language: str
    file: str
    packages: tuple
    imported: tuple

    @property
    def path(self):
        return HERE / self.language.lower() / self.file

    @property
    def command(self):
        return [sys.executable if self.language == "Python" else "node", str(self.path)]

    def files(self):
        """Returns the program and the files of this folder that it imports, directly or not."""
        found, left = [], [self.path]
        while left:
            path = left.pop()
            if path in found:
                continue
            found.append(path)
            text = path.read_text()
            if self.language == "Python":
                names = re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)
                left += [path.with_name(name + ".py") for name in names if path.with_name(name + ".py").exists()]
            else:
                left += [path.parent / name for name in re.findall(r"from '\./([\w.]+)'", text)]
        return found

    def lines(self):
        return sum(count(path) for path in self.files())


PYTHON = [
    Contender("headcount", "Python", "with_headcount.py", ("headcount",), ("headcount", "headcount.wsgi")),
    Contender("vendor's SDK", "Python", "with_scalekit.py", ("scalekit-sdk-python",), ("scalekit",)),
    Contender("svix", "Python", "with_svix.py", ("svix", "httpx"), ("svix.webhooks", "httpx")),
    Contender("standardwebhooks", "Python", "with_standardwebhooks.py", ("standardwebhooks", "httpx"), ("standardwebhooks.webhooks", "httpx")),
    Contender("by hand", "Python", "by_hand.py", ("httpx",), ("httpx",)),
    Contender("by hand, shortest", "Python", "short.py", ("httpx",), ("httpx",)),
]
NODE = [
    Contender("headcount", "Node", "with_headcount.mjs", ("headcount",), ("headcount", "headcount/http")),
    Contender("vendor's SDK", "Node", "with_scalekit.mjs", ("@scalekit-sdk/node", "better-sqlite3"), ("@scalekit-sdk/node", "better-sqlite3")),
    Contender("svix", "Node", "with_svix.mjs", ("svix", "better-sqlite3"), ("svix", "better-sqlite3")),
    Contender("standardwebhooks", "Node", "with_standardwebhooks.mjs", ("standardwebhooks", "better-sqlite3"), ("standardwebhooks", "better-sqlite3")),
    Contender("by hand", "Node", "by_hand.mjs", ("better-sqlite3",), ("better-sqlite3",)),
]
ALL = PYTHON + NODE


def count(path):
    """Counts the lines of a file that have code: neither blank, nor only a comment or a docstring."""
    text = path.read_text()
    if path.suffix != ".py":
        text = re.sub(r"^\s*/\*.*?\*/", "", text, flags=re.MULTILINE | re.DOTALL)
        return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("//"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    comments = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            comments.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    code = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - comments)
