#!/usr/bin/env python3
"""Checks the imports between the source files of each crate against the layer table, and for cycles.

    scripts/layers.py               checks the crates listed in CRATES
    scripts/layers.py --self-test   checks this program with a small crate that has known mistakes

A file depends on another if one of its `use` lines or paths (`crate::…`, `super::…`, `child::…`) names something defined there. Names are
followed through re-exports to the file that defines them. Not counted: `mod child;`, `pub use child::Name` unless the file's own code uses
Name, and everything under `#[cfg(test)]`. Only the Python standard library is used, and no compiler, so macros are not expanded.
"""

import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

# ---- the rules: data only ----------------------------------------------------------------------------------------------------

# The layer of each file of the core. Keys are prefixes of the path below core/src; the longest one that matches applies.
CORE_FILES = {
    "error": "error",
    "clock.rs": "clock",
    "random.rs": "random",
    "config.rs": "config",
    "defaults.rs": "config",
    "secret.rs": "secret",
    "moment.rs": "moment",
    "process": "process",
    "process.rs": "process",
    "task.rs": "task",
    "tls.rs": "tls",
    "sqlite": "sqlite",
    "model": "model",
    "record": "record",
    "http": "http",
    "client": "client",
    "webhook": "webhook",
    "store": "store",
    "mirror": "mirror",
    "mirror/decide": "decide",
    "blocking": "blocking",
    "blocking.rs": "blocking",
    "axum": "axum",
    "axum.rs": "axum",
    # The root declares and re-exports everything, and has no other code.
    "lib.rs": "root",
}
# The layers that most others may use.
BASE = "error clock random config secret moment process task"
# The layers that each layer may use, besides itself.
CORE_MAY_USE = {
    "error": "",
    "clock": "",
    "random": "clock",
    "config": "error",
    "secret": "",
    "moment": "error",
    "process": "error",
    "task": "",
    "tls": "error",
    "sqlite": "error process",
    "model": BASE,
    "record": BASE + " model",
    "http": BASE + " model tls",
    "client": BASE + " model http tls",
    "webhook": BASE + " model sqlite",
    "store": BASE + " model record sqlite tls",
    "decide": "error model record webhook",
    "mirror": BASE + " model record http client webhook store decide sqlite",
    "blocking": BASE + " model record http client webhook store mirror sqlite",
    "axum": BASE + " model webhook",
    "root": BASE + " tls sqlite model record http client webhook store mirror blocking axum",
}
# Crates that a layer must not use.
CORE_MUST_NOT_USE = {
    "error": "tokio reqwest rusqlite",
    "config": "tokio rusqlite",
    "process": "tokio rusqlite",
    "task": "tokio rusqlite",
    "tls": "tokio reqwest rusqlite",
    "model": "tokio reqwest rusqlite",
    "record": "tokio reqwest rusqlite",
    "http": "rusqlite",
    "client": "rusqlite",
    "webhook": "tokio reqwest hyper",
    "store": "reqwest hyper",
    "decide": "tokio reqwest rusqlite",
    "mirror": "rusqlite reqwest",
}

# Dependencies between files that are allowed although they close a cycle: (crate, file, other file), each with the reason.
ALLOWED_CYCLES = {
    # `Event::decode`, generated with the types that it returns, is a method of the hand-written envelope.
    ("core/src", "webhook/data.rs", "webhook/event.rs"),
}


@dataclass
class Crate:
    """A crate to check: its folder, the layers of its files, and what each layer may use."""

    source: str
    files: dict = field(default_factory=lambda: {"": "all"})
    may_use: dict = field(default_factory=lambda: {"all": ""})
    must_not_use: dict = field(default_factory=dict)


CRATES = [
    Crate("core/src", CORE_FILES, CORE_MAY_USE, CORE_MUST_NOT_USE),
    Crate("sandbox/src"),
    Crate("cli/src", must_not_use={"all": "pyo3 napi napi_derive headcount_ffi rusqlite tokio_postgres"}),
    # Each binding is one layer, and must not use the runtime of another binding.
    Crate("ffi/src", must_not_use={"all": "pyo3 napi napi_derive"}),
    Crate("bindings-python/src", must_not_use={"all": "napi napi_derive headcount_ffi"}),
    Crate("bindings-node/src", must_not_use={"all": "pyo3 headcount_ffi"}),
]

# ---- reading Rust ------------------------------------------------------------------------------------------------------------

# Comments and literals are dropped, so that nothing in them counts as a path. Lifetimes have a pattern of their own, so that the `'` of one
# is not read as the start of a character literal.
TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<literal>b?c?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*"|b?'(?:\\[^']+|[^'\\])')
      | (?P<lifetime>'[A-Za-z_]\w*)
      | (?P<word>(?:r\#)?[A-Za-z_]\w*)
      | (?P<sign>::|=>|->|[^\s\w])
      | (?P<number>\d[\w.]*)""",
    re.VERBOSE | re.DOTALL,
)
ITEMS = {"struct", "enum", "union", "trait", "type", "fn", "const", "static"}


def tokens(text):
    """Lists the words and signs of a Rust source with their line numbers."""
    found, line, at = [], 1, 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            at += 1
            continue
        if match.lastgroup in ("word", "sign"):
            found.append((match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    return found


@dataclass
class Use:
    """One name of a `use` declaration."""

    path: tuple
    line: int
    public: bool


@dataclass
class Module:
    """A module: a file, or an inline module of a file."""

    path: tuple
    file: str
    parent: "Module" = None
    children: dict = field(default_factory=dict)
    items: set = field(default_factory=set)  # the names that it defines
    uses: dict = field(default_factory=dict)  # the `Use` of each imported name
    globs: list = field(default_factory=list)  # the `Use` of each `use …::*`
    paths: list = field(default_factory=list)  # (path, line) of each path with `::` in the code
    words: dict = field(default_factory=dict)  # the first line of each identifier in the code


def end_of_group(stream, at):
    """Returns the index after the bracket that closes the one at `at`."""
    depth = 0
    while at < len(stream):
        if stream[at][0] in "([{":
            depth += 1
        elif stream[at][0] in ")]}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


def end_of_item(stream, at):
    """Returns the index after the item that starts at `at`: after its `;` or its block."""
    while at < len(stream):
        word = stream[at][0]
        if word == ";":
            return at + 1
        if word == "{":
            return end_of_group(stream, at)
        at = end_of_group(stream, at) if word in "([" else at + 1
    return at


def use_names(stream, at, prefix=()):
    """Reads a use tree. Returns a list of (path, name or "*"), and the index after the tree."""
    path, names = prefix, []
    while at < len(stream):
        word = stream[at][0]
        if word == "{":
            at += 1
            while stream[at][0] != "}":
                more, at = use_names(stream, at, path)
                names += more
                if stream[at][0] == ",":
                    at += 1
            return names, at + 1
        if word == "*":
            return names + [(path, "*")], at + 1
        if word == "as":
            return names + [(path, stream[at + 1][0])], at + 2
        if word in ",;}":
            break
        if word == "self" and path:
            at += 1
            if stream[at][0] == "as":
                return names + [(path, stream[at + 1][0])], at + 2
            break
        if word != "::":
            path += (word,)
        at += 1
    return names + [(path, path[-1])], at


class Reader:
    """Reads all modules of a crate, beginning with its root."""

    def __init__(self, folder):
        self.folder = folder
        self.modules = []
        # The file of each macro. An exported macro is used as `crate::name`, whichever file defines it.
        self.macros = {}
        root = next(folder / name for name in ("lib.rs", "main.rs") if (folder / name).exists())
        self.root = Module((), root.name)
        self.read_file(self.root, root)

    def read_file(self, module, path):
        """Reads a module from its file."""
        self.modules.append(module)
        self.read(module, tokens(path.read_text(encoding="utf-8")))

    def read(self, module, stream):
        """Reads the items of one module, without those of its inline modules and tests."""
        at, public, skip = 0, False, False
        while at < len(stream):
            word, line = stream[at]
            if word == "#":
                at += 2 if stream[at + 1][0] == "!" else 1
                end = end_of_group(stream, at)
                skip |= [token for token, _ in stream[at:end]] == list("[") + ["cfg", "(", "test", ")", "]"]
                at = end
            elif skip:
                at, skip, public = end_of_item(stream, at), False, False
            elif word == "pub":
                public, at = True, at + 1
                if stream[at][0] == "(":
                    at = end_of_group(stream, at)
            elif word == "use":
                names, at = use_names(stream, at + 1)
                for path, name in names:
                    if name == "*":
                        module.globs.append(Use(path, line, public))
                    else:
                        module.uses[name] = Use(path, line, public)
                at, public = at + 1, False
            elif word == "mod":
                name, end = stream[at + 1][0], end_of_item(stream, at)
                child = Module(module.path + (name,), module.file, module)
                if stream[at + 2][0] == ";":
                    path = self.file_of(module, name)
                    if path is not None:
                        child.file = path.relative_to(self.folder).as_posix()
                        module.children[name] = child
                        self.read_file(child, path)
                else:
                    module.children[name] = child
                    self.modules.append(child)
                    self.read(child, stream[at + 3 : end - 1])
                at, public = end, False
            else:
                end = end_of_item(stream, at)
                self.read_item(module, stream[at:end])
                at, public = max(end, at + 1), False

    def read_item(self, module, item):
        """Records the name that an item defines, and the paths and words in it."""
        for index, (word, _) in enumerate(item[:-1]):
            if word in ITEMS and item[index + 1][0] not in ITEMS:
                module.items.add(item[index + 1][0])
                break
            if word == "!" and index:
                # A macro: `macro_rules! name`, or a call that defines `Name { … }`.
                module.items.add(item[index + 1][0])
                if item[index - 1][0] == "macro_rules":
                    self.macros[item[index + 1][0]] = module.file
                rest = zip(item[index:], item[index + 1 :])
                module.items.update(name for (name, _), (after, _) in rest if after == "{" and name[:1].isupper())
                break
            if word in ("impl", "{", "="):
                break
        index = 0
        while index < len(item):
            word, line = item[index]
            if word == "pub" and item[index + 1][0] == "(":
                # The path in `pub(in crate::…)` limits who may use the item. It is not a dependency of the item.
                index = end_of_group(item, index + 1)
                continue
            after_path = index and item[index - 1][0] in ("::", ".")
            if re.match(r"[A-Za-z_]", word) and not after_path:
                path = [word]
                while index + 2 < len(item) and item[index + 1][0] == "::" and re.match(r"\w", item[index + 2][0]):
                    path.append(item[index + 2][0])
                    index += 2
                if len(path) > 1:
                    module.paths.append((tuple(path), line))
                module.words.setdefault(word, line)
            index += 1

    def file_of(self, module, name):
        """Returns the file of a module's child, or None if there is none."""
        # The path of the folder consists of the names of all enclosing modules, both those with a file and inline ones.
        folder = self.folder.joinpath(*module.path)
        return next((path for path in (folder / f"{name}.rs", folder / name / "mod.rs") if path.exists()), None)

    def start(self, module, path):
        """Returns the module at which a path begins and the rest of the path, or None if the path begins with another crate."""
        if path[0] == "crate":
            return self.root, path[1:]
        if path[0] == "self":
            return module, path[1:]
        if path[0] == "super":
            while path and path[0] == "super" and module.parent:
                module, path = module.parent, path[1:]
            return module, path
        if path[0] in module.children or path[0] in module.uses or path[0] in module.items:
            return module, path
        return None

    def resolve(self, module, path, strict=False, seen=()):
        """Returns the file that defines the item that a path names, or None if the item is in another crate. If it is not found, returns the file
        of the module in which it was looked for, or None if `strict`."""
        place = self.start(module, path)
        if place is None or (module.path, path) in seen:
            return None
        seen += ((module.path, path),)
        module, rest = place
        while rest:
            name = rest[0]
            if name in module.children:
                module, rest = module.children[name], rest[1:]
                continue
            if name in module.items:
                return module.file
            if name in module.uses:
                use = module.uses[name]
                if use.path == (name,):
                    return None
                return self.resolve(module, use.path + rest[1:], strict, seen)
            for glob in module.globs:
                target = self.start(module, glob.path)
                if target is not None:
                    found = self.resolve(module, glob.path + rest, True, seen)
                    if found is not None:
                        return found
            if module is self.root and name in self.macros:
                return self.macros[name]
            return None if strict else module.file
        return module.file

    def dependencies(self):
        """Yields (file, line, path, other file) for each use of a name of this crate, and (file, line, path, None) for each of another crate."""
        for module in self.modules:
            for name, use in module.uses.items():
                own_child = use.path[0] in module.children or use.path[0] == "self"
                if use.public and own_child:
                    # A re-export counts if the code of this module uses the name as well.
                    if name in module.words:
                        yield module.file, module.words[name], use.path, self.resolve(module, use.path)
                # `use child;` is not a dependency by itself: paths through `child` are found where they occur.
                elif not (own_child and len(use.path) == 1):
                    yield module.file, use.line, use.path, self.resolve(module, use.path)
            for glob in module.globs:
                if not (glob.public and glob.path[0] in module.children):
                    yield module.file, glob.line, glob.path, self.resolve(module, glob.path)
            for path, line in module.paths:
                yield module.file, line, path, self.resolve(module, path)


# ---- the checks --------------------------------------------------------------------------------------------------------------


def layer_of(crate, file):
    """Returns the layer of a file: that of the longest prefix in the table."""
    fits = [prefix for prefix in crate.files if prefix == "" or file == prefix or file.startswith(prefix + "/")]
    return crate.files[max(fits, key=len)] if fits else None


def check_layers(crate, edges):
    """Yields one message for each import that the layer table forbids."""
    for file in sorted({file for file, *_ in edges} | {other for *_, other in edges if other}):
        if layer_of(crate, file) is None:
            yield f"{crate.source}/{file}:1: is in no layer: add it to the table in scripts/layers.py"
    for file, line, path, other in edges:
        layer, name = layer_of(crate, file), "::".join(path)
        if layer is None:
            continue
        if other is None:
            if path[0] in crate.must_not_use.get(layer, "").split():
                yield f"{crate.source}/{file}:{line}: uses {name}: the layer `{layer}` must not use the crate `{path[0]}`"
            continue
        used = layer_of(crate, other)
        if used is not None and used != layer and used not in crate.may_use[layer].split():
            may = crate.may_use[layer] or "no other layer"
            yield f"{crate.source}/{file}:{line}: uses {name} ({other}): the layer `{layer}` must not use `{used}`, only {may}"


def check_cycles(crate, edges):
    """Yields one message for each group of files that import each other, with the shortest cycle in it."""
    graph = {}
    for file, line, path, other in edges:
        if other and other != file and (crate.source, file, other) not in ALLOWED_CYCLES:
            graph.setdefault(file, {}).setdefault(other, (line, "::".join(path)))
    reported = set()
    for start in sorted(graph):
        cycle = shortest_cycle(graph, start)
        if cycle and not reported & set(cycle):
            reported |= set(cycle)
            steps = [
                f"\n    {crate.source}/{file}:{graph[file][other][0]}: uses {graph[file][other][1]} ({other})"
                for file, other in zip(cycle, cycle[1:] + cycle[:1])
            ]
            yield f"{crate.source}/{cycle[0]}: files import each other; move what both need to a third file:" + "".join(steps)


def shortest_cycle(graph, start):
    """Returns the files of the shortest cycle through `start`, or None. Breadth first."""
    queue, before = [start], {}
    for file in queue:
        for other in graph.get(file, {}):
            if other == start:
                cycle = [file]
                while cycle[0] != start:
                    cycle.insert(0, before[cycle[0]])
                return cycle
            if other not in before:
                before[other] = file
                queue.append(other)
    return None


def check(crate, repository):
    """Returns all messages for one crate."""
    edges = list(Reader(repository / crate.source).dependencies())
    return sorted(set(check_layers(crate, edges))) + list(check_cycles(crate, edges))


# ---- the self-test -----------------------------------------------------------------------------------------------------------

SAMPLE = {
    "lib.rs": "mod low; mod high; mod tree; mod one; mod two; pub use low::Low; pub use tree::*;",
    "low.rs": "pub struct Low; fn f() { let _ = crate::high::help(); } // use crate::two::Two;",
    "high.rs": 'use crate::{Low, Leaf}; use tokio::sync; pub fn help() -> &\'static str { "crate::two::Two" }',
    "one.rs": "pub struct One(pub crate::two::Two);",
    "two.rs": "use std::fmt; pub struct Two(fn(crate::one::One)); #[cfg(test)] mod tests { use crate::high::help; }",
    "tree/mod.rs": "mod leaf; mod macros; mod node; pub use leaf::Leaf; pub use node::Node; pub struct Root; impl Root { fn node(&self) -> Node { Node } }",
    "tree/leaf.rs": "use super::Root; pub struct Leaf(pub(in crate::one) Root); fn f() { crate::leaf_tests!() }",
    "tree/macros.rs": "#[macro_export] macro_rules! leaf_tests { () => {} }",
    "tree/node.rs": "use super::Root; pub struct Node; impl Node { fn root(&self, _: Root) {} }",
}
# The beginnings of the messages about SAMPLE.
EXPECTED = [
    "low.rs:1: uses crate::high::help (high.rs): the layer `low` must not use `high`",
    "high.rs:1: uses tokio::sync: the layer `high` must not use the crate `tokio`",
    "high.rs: files import each other",
    "one.rs: files import each other",
    "tree/mod.rs: files import each other",
]


def self_test():
    """Checks the crate SAMPLE: `check` must find each of its known mistakes, and no others."""
    crate = Crate(
        "sample",
        {"": "high", "low.rs": "low", "lib.rs": "high"},
        {"high": "low", "low": ""},
        {"high": "tokio"},
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, text in SAMPLE.items():
            path = Path(folder, crate.source, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        found = check(crate, Path(folder))
    for expected in EXPECTED:
        assert any(f"sample/{expected}" in message for message in found), f"not found: {expected}\n" + "\n".join(found)
    assert len(found) == len(EXPECTED), "\n".join(found)
    # The cycle of tree/mod.rs is the one with node.rs, whose name it uses. It only re-exports leaf.rs, which is not a dependency.
    assert not any("leaf.rs" in message for message in found), "\n".join(found)


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    repository = Path(__file__).resolve().parent.parent
    messages = [message for crate in CRATES for message in check(crate, repository)]
    for message in messages:
        print(message)
    sys.exit(1 if messages else 0)


if __name__ == "__main__":
    main()
