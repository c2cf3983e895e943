"""The C API, from include/headcount.h: one page for each noun, which has its functions, its options and its lists and iterators."""

import re
from dataclasses import dataclass
from pathlib import Path

COMMENTED = re.compile(r"^/\*\*\n(?P<comment>.*?)^ \*/\n(?P<code>(?:#define [^\n]*\n)+|(?:(?!#define|/\*\*).)*?;\n(?=\n|#endif|\Z)|typedef (?:struct|enum) \w+ \{.*?^\}[^\n]*;\n)", re.M | re.S)
MEMBER = re.compile(r"^  /\*\*\n(?P<comment>.*?)^   \*/\n(?P<code>.*?)(?:;|,)$", re.M | re.S)
# Objects that hold or return others are on the page of the others.
PLURAL = re.compile(r"_(list|iter|page)$")

INDEX = """# C

`#include <headcount.h>`. One page for each noun has the type, its functions, its options, and the lists and iterators of it. The C++ wrapper `headcount.hpp` has the same calls.

## Conventions

"""


@dataclass
class Item:
    name: str
    kind: str  # "function", "object", "struct", "enum", "callback", "macro"
    doc: str
    code: str


def write(root: Path, target: Path) -> None:
    header = (root / "include/headcount.h").read_text()
    items = list(parse(header))
    nouns = sorted({PLURAL.sub("", item.name) for item in items if item.kind == "object"}, key=len, reverse=True)
    pages: dict[str, list[Item]] = {noun: [] for noun in sorted(nouns)} | {"": []}
    homes = {item.name: home(item.name, nouns) for item in items}
    for item in items:
        if not homes[item.name]:
            users = (other.name for other in items if other.kind in ("function", "callback") and re.search(rf"\b{item.name}\b", other.code) and other is not item)
            homes[item.name] = next((homes[user] for user in users if homes[user]), "")
        pages[homes[item.name]].append(item)
    folder = target / "reference/c"
    folder.mkdir(parents=True, exist_ok=True)
    index = [INDEX, conventions(header), "\n## Nouns\n\n| noun | what it is |\n|---|---|\n"]
    for noun, members in pages.items():
        file = (noun or "other").removeprefix("hc_")
        title = noun or "Other functions, values and callbacks"
        if noun:
            summary = next((item.doc for item in members if item.name == noun), next((item.doc for item in members), ""))
            index.append(f"| [`{noun}`]({file}.md) | {first_sentence(summary)} |\n")
        order = ("object", "function", "struct", "callback", "enum", "macro")
        body = [f"---\norphan: true\n---\n\n# {title}\n\n[The C API](index.md)\n"]
        body += [render(item) for kind in order for item in members if item.kind == kind]
        (folder / f"{file}.md").write_text("\n".join(body))
    index.append("| [others](other.md) | status, versions, and what belongs to no noun |\n")
    (folder / "index.md").write_text("".join(index))


def parse(header: str):
    for found in COMMENTED.finditer(header):
        doc, code = escape(text(found["comment"], " ")), found["code"].strip()
        if code.startswith("#define"):
            yield Item(re.match(r"#define (\w+)", code)[1], "macro", doc, code)
        elif found_ := re.match(r"typedef struct (\w+) \1;$", code):
            yield Item(found_[1], "object", doc, code)
        elif found_ := re.match(r"typedef (struct|enum) (\w+) \{", code):
            yield Item(found_[2], found_[1], doc, code)
        elif found_ := re.match(r"typedef [^(]*\(\*(\w+)\)", code):
            yield Item(found_[1], "callback", doc, code)
        elif found_ := re.search(r"(\w+)\(", code):
            yield Item(found_[1], "function", doc, code)


def home(name: str, nouns: list[str]) -> str:
    """Returns the noun on whose page a name is: the longest with which it begins."""
    return next((noun for noun in nouns if name == noun or name.startswith(f"{noun}_") or name in (f"{noun}s", noun[:-1] + "ies")), "")


def text(comment: str, indent: str) -> str:
    lines = [line[len(indent) + 1 :].removeprefix(" ") if line.startswith(f"{indent}*") else line for line in comment.splitlines()]
    return "\n".join(lines).strip()


def render(item: Item) -> str:
    code = re.sub(r"\s+", " ", re.sub(r"\b(struct|enum) ", "", item.code)).rstrip(";")
    if item.kind == "function":
        return directive("c:function", code, item.doc)
    if item.kind == "callback":
        return directive("c:type", code.removeprefix("typedef "), item.doc)
    if item.kind == "macro":
        names = re.findall(r"#define (\w+)(?: (.*))?", item.code)
        return "\n".join(directive("c:macro", name, f"{item.doc}\n\nValue: `{value}`") for name, value in names if value or len(names) == 1)
    members = []
    if item.kind in ("struct", "enum"):
        for found in MEMBER.finditer(item.code + "\n"):
            doc, member = escape(text(found["comment"], "   ")), re.sub(r"\s+", " ", re.sub(r"\b(struct|enum) ", "", found["code"])).strip()
            name = "c:enumerator" if item.kind == "enum" else "c:member"
            members.append(directive(name, member, doc, ":::"))
    kind = "c:enum" if item.kind == "enum" else "c:struct"
    return directive(kind, item.name, "\n\n".join([item.doc, *members]), "::::")


def directive(name: str, signature: str, doc: str, fence: str = ":::") -> str:
    return f"{fence}{{{name}}} {signature}\n\n{doc}\n{fence}\n"


def first_sentence(doc: str) -> str:
    return re.split(r"(?<=[.:]) ", re.sub(r"\s+", " ", doc.split("\n\n")[0]).replace("|", "\\|"), maxsplit=1)[0]


def conventions(header: str) -> str:
    """Returns the section CONVENTIONS of the header's first comment as a list: each paragraph begins with its subject."""
    comment = re.search(r"CONVENTIONS\n \*\n(.*?)^ \*/", header, re.M | re.S)[1]
    lines = [line[3:] for line in comment.splitlines()]
    paragraphs = re.sub(r"\n  +", " ", "\n".join(lines)).strip().splitlines()
    return "".join(f"- {escape(paragraph)}\n" for paragraph in paragraphs)


def escape(plain: str) -> str:
    """Returns the text of a comment as Markdown: names of the API become code, and a `*` outside of code stays what it is."""
    return "".join(part if part.startswith("`") else mark(part) for part in re.split(r"(`[^`]*`)", plain))


def mark(plain: str) -> str:
    parts = re.split(r"(\bhc_\w+(?: \*\*)?|\bHC_[A-Z_]+|(?<!\w)-l[a-z]+)", plain)
    return "".join(f"`{part}`" if index % 2 else part.replace("*", "\\*") for index, part in enumerate(parts))
