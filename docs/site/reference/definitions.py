"""Errors, settings, kinds of changes and events, from the Rust definitions and the vendor's examples of events."""

import json
import re
import tomllib
from pathlib import Path

ERRORS = """# Errors

Every error has a kind, which is the same in every language. C has a status for each kind, Python and Node a class, and Rust a value of `ErrorKind`. [Which error do I
catch?](../docs/errors.md) says how programs use them.

| kind | Rust `ErrorKind::` | C | Python and Node `errors.` |
|---|---|---|---|
"""

REASONS = """## Why a webhook was refused

An error of the kind `webhook_verification` has a reason: `reason` in Python and Node, `reason()` in Rust, `hc_error_reason` in C.

| reason | meaning |
|---|---|
"""

SETTINGS = """# Settings and defaults

## Environment variables

| variable | value |
|---|---|
"""

CHANGES = """# Kinds of changes

The feed reports changes of these kinds. `before` and `after` are the whole user or group before and after the change; `user` and `group` are what the change is about. A field
that a kind does not have is absent.

| kind | meaning | fields |
|---|---|---|
"""

EVENTS = """# Events

The vendor's types of webhook events. Every event has `type`, `id`, `occurred_at`, `organization_id`, `environment_id` and `data`. A mirror applies those about organizations and
directories, and ignores the others; an application can handle all of them. Types that a version does not know are kept with their name and data.

"""


class Missing(Exception):
    pass


def write(root: Path, target: Path) -> None:
    folder = target / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    kinds = (root / "core/src/error/kind.rs").read_text()
    (folder / "errors.md").write_text(errors(kinds, tomllib.loads((root / "docs/site/remedies.toml").read_text())))
    (folder / "settings.md").write_text(
        settings(
            (root / "core/src/config.rs").read_text(),
            (root / "bindings-node/options.d.ts").read_text(),
            (root / "core/src/defaults.rs").read_text(),
            (root / "bindings-python/python/headcount/_headcount.pyi").read_text(),
            (root / "include/headcount.h").read_text(),
        )
    )
    (folder / "changes.md").write_text(changes((root / "core/src/record/change.rs").read_text()))
    (folder / "events.md").write_text(events(json.loads((root / "sandbox/src/webhook-events.json").read_text())))
    (folder / "rust.md").write_text((root / "docs/site/reference/rust.md").read_text() + features((root / "core/src/lib.rs").read_text()))


def features(library: str) -> str:
    """Returns the section about features of the crate's documentation."""
    section = re.search(r"^//! # Features\n(.*?)^//! # ", library, re.M | re.S)[1]
    lines = "\n".join(line.removeprefix("//!").removeprefix(" ") for line in section.splitlines())
    return "\n## Features of `headcount`\n" + re.sub(r"\[(`[^`]+`)\](\([^)]*\))?", r"\1", lines) + "\n"


def documented(body: str, pattern: str):
    """Yields the doc comment before each match of the pattern, on one line, and the match."""
    for found in re.finditer(rf"((?:^ *///[^\n]*\n)+) *{pattern}", body, re.M):
        doc = " ".join(line.strip().removeprefix("///").strip() for line in found[1].splitlines())
        yield re.sub(r"\[(`[^`]+`)\](\([^)]*\))?", r"\1", doc), found


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def errors(source: str, remedies: dict) -> str:
    table, sections = [ERRORS], []
    listed = re.search(r"error_kinds! \{\n(.*?)^\}", source, re.M | re.S)[1]
    found_kinds = set()
    for doc, found in documented(listed, r'(\w+) = (\d+), "(\w+)", "(\w+)";'):
        variant, number, name, class_ = found.groups()[1:]
        found_kinds.add(name)
        if name not in remedies:
            raise Missing(f"docs/site/remedies.toml has no remedy for the kind {name}: add one")
        table.append(f"| [`{name}`](#{name}) | `{variant}` | `HC_{name.upper()}` ({number}) | `{class_}` |\n")
        sections.append(f"## {name}\n\n**Cause.** {doc}\n\n**Remedy.** {remedies[name].strip()}\n\n")
    if unknown := set(remedies) - found_kinds:
        raise Missing(f"docs/site/remedies.toml has remedies for kinds that do not exist: {', '.join(sorted(unknown))}")
    reasons = re.search(r"    Reason \{\n(.*?)^    \}", source, re.M | re.S)[1]
    rows = [f"| `{found[3]}` | {cell(doc)} |\n" for doc, found in documented(reasons, r'(\w+) = "(\w+)",')]
    return "".join([*table, "\n", *sections, REASONS, *rows])


def settings(config: str, options: str, defaults: str, stub: str, header: str) -> str:
    """Returns the page of settings. The names in Python and C are made from those in Node, and left out where the stub or the header does not have them."""
    page = [SETTINGS]
    for doc, found in documented(config, r'pub const \w+: &str = "(\w+)";'):
        page.append(f"| `{found[2]}` | {cell(doc.removeprefix('Name of the environment variable with '))} |\n")
    page.append("\nThe command has further ones: see [its help](command.md).\n")
    for found in re.finditer(r"/\*\*((?:(?!\*/).)*)\*/\nexport interface (\w+)[^{]*\{\n(.*?)^\}", options, re.M | re.S):
        page.append(f"\n## {found[2]}\n\n{comment(found[1])}\n\n| Node | Python | C | meaning and default |\n|---|---|---|---|\n")
        for member in re.finditer(r"/\*\*((?:(?!\*/).)*)\*/\n  (\w+)\??:", found[3], re.S):
            doc = comment(member[1])
            if doc.startswith("An option of the vendor's SDK."):
                continue
            name = snake(member[2])
            plain = re.sub(r"_(ms|seconds)$", "", name)
            python = f"`{plain}`" if re.search(rf"\b{plain}: ", stub) else "–"
            c = f"`{name}`" if re.search(rf"\b{name}[;,)]", header) else "–"
            page.append(f"| `{member[2]}` | {python} | {c} | {cell(doc)} |\n")
    page.append("\nDurations have no unit in their names in Python, which takes seconds or a `timedelta`. Rust has Python's names as methods of the builders, which take a `Duration`. The defaults are those of Node, in the unit of its name. In C, 0 or NULL\nstands for the default. A dash: the language has another way to say it, which its reference describes.\n")
    page.append("\n## Defaults in Rust\n\nThe constants of `headcount::defaults`, to which all languages refer.\n\n| constant | value | meaning |\n|---|---|---|\n")
    for doc, found in documented(defaults, r"pub const (\w+): \w+ = ([^;]+);"):
        page.append(f"| `{found[2]}` | {value(found[3])} | {cell(doc)} |\n")
    return "".join(page)


def comment(text: str) -> str:
    return " ".join(line.strip().removeprefix("*").strip() for line in text.strip().splitlines())


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda found: f"_{found[1].lower()}", name)


def value(source: str) -> str:
    """Returns a constant's value in a unit that people read."""
    found = re.fullmatch(r"Duration::from_(secs|millis)\(([\d *]+)\)", source)
    if not found and "<<" in source:
        number, shift = map(int, source.split(" << "))
        return f"{number << shift - 20} MiB"
    if not found:
        return f"{int(source.replace('_', '')):,}"
    amount = 1
    for factor in found[2].split("*"):
        amount *= int(factor)
    if found[1] == "millis":
        return f"{amount} ms"
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if amount % size == 0 and amount > size:
            return f"{amount // size} {unit}"
    return f"{amount} s"


def changes(source: str) -> str:
    body = re.search(r"    ChangeKind \{\n(.*?)^    \}", source, re.M | re.S)[1]
    arms = re.search(r"fn present_fields.*?match self \{(.*?)^        \}", source, re.M | re.S)[1]
    fields = {}
    for arm in re.finditer(r"((?:\|?\s*ChangeKind::\w+\s*)+)=> &\[([^\]]*)\]", arms):
        fields |= {kind: arm[2].replace('"', "`") for kind in re.findall(r"ChangeKind::(\w+)", arm[1])}
    rows = [f"| `{found[3]}` | {cell(doc)} | {fields[found[2]]} |\n" for doc, found in documented(body, r'(\w+) = "([\w.]+)",')]
    return CHANGES + "".join(rows)


def events(examples: dict) -> str:
    page = [EVENTS, f"There are {len(examples)} types. Each has the vendor's example.\n"]
    groups: dict[str, list[str]] = {}
    for name in examples:
        groups.setdefault(group(name), []).append(name)
    page.append("\n| about | types |\n|---|---|\n")
    page += [f"| {about} | {', '.join(f'[`{name}`](#{anchor(name)})' for name in names)} |\n" for about, names in groups.items()]
    for names in groups.values():
        for name in names:
            page.append(f"\n## {name}\n\n```json\n{json.dumps(examples[name], indent=2)}\n```\n")
    return "".join(page)


def group(name: str) -> str:
    parts = name.split(".")[:-1]
    return " ".join(parts) if len(parts) == 1 else parts[-1]


def anchor(name: str) -> str:
    return name.replace(".", "")
