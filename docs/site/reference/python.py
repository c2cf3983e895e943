"""The Python API, from the stub of the native module and the modules in Python: a page for each class and each module. Nothing is imported."""

import ast
import re
from pathlib import Path

PACKAGE = "bindings-python/python/headcount"
# Modules with a page of their own: those that applications import.
MODULES = ["errors", "events", "testing", "fastapi", "starlette", "flask", "django", "asgi", "wsgi", "support"]
# Methods that say nothing that their class does not say.
HIDDEN = {"__eq__", "__ne__", "__hash__", "__reduce__", "__repr__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__iter__", "__aiter__", "__next__", "__anext__", "__copy__", "__deepcopy__", "__getnewargs__", "__class_getitem__"}

INDEX = """# Python

`import headcount`. The classes, functions and modules of the package, from its stub: a type checker reads the same text. Each class with a name that begins with `Async` has the calls of the one without it as
coroutines.

"""


def write(root: Path, target: Path) -> None:
    folder = target / "reference/python"
    folder.mkdir(parents=True, exist_ok=True)
    # The stub's name for a duration.
    stub = ast.parse((root / PACKAGE / "_headcount.pyi").read_text().replace("_Span", "Union[float, timedelta, None]"))
    index = [INDEX, "## Classes\n\n| class | what it is |\n|---|---|\n"]
    functions = []
    for node in stub.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            (folder / f"{node.name}.md").write_text(page(f"headcount.{node.name}", class_(node, "headcount")))
            index.append(row(node.name, f"{node.name}.md", node))
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            functions.append(function(node, "py:function", "headcount."))
    (folder / "functions.md").write_text(page("Functions of headcount", "\n".join([*functions, aliases(stub)])))
    index.append("\n## Functions\n\n[The functions of the package](functions.md) verify webhooks and make the bodies of events.\n\n## Modules\n\n| module | what it has |\n|---|---|\n")
    for name in MODULES:
        module = ast.parse((root / PACKAGE / f"{name}.py").read_text())
        (folder / f"{name}.md").write_text(page(f"headcount.{name}", module_(module, f"headcount.{name}")))
        index.append(row(f"headcount.{name}", f"{name}.md", module))
    (folder / "index.md").write_text("".join(index))


def aliases(stub: ast.Module) -> str:
    """Returns a section with the types that signatures name and that the package does not export."""
    found = [node for node in stub.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias"]
    sections = [f"`{ast.unparse(node.target)}`:\n\n```python\n{ast.unparse(node.value)}\n```\n" for node in found if not ast.unparse(node.target).startswith("_object")]
    return "\n".join(["## Types in signatures\n\nThese names are short forms in the signatures of the reference. They cannot be imported.\n", *sections])


def page(title: str, body: str) -> str:
    return f"---\norphan: true\n---\n\n# {title}\n\n[The Python API](index.md)\n\n{body}"


def row(name: str, file: str, node) -> str:
    summary = re.split(r"(?<=[.:]) ", re.sub(r"\s+", " ", (ast.get_docstring(node) or "").split("\n\n")[0]).replace("|", "\\|"), maxsplit=1)[0]
    return f"| [`{name}`]({file}) | {summary} |\n"


def module_(module: ast.Module, name: str) -> str:
    parts = [doc(ast.get_docstring(module) or "")]
    for node in module.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            parts.append(class_(node, name))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            parts.append(function(node, "py:function", f"{name}."))
    return "\n".join(parts)


def class_(node: ast.ClassDef, module: str) -> str:
    constructor = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name in ("__new__", "__init__")), None)
    signature = arguments(constructor) if constructor else ""
    parts = [f":::::{{py:class}} {module}.{node.name}{signature}\n"]
    bases = [ast.unparse(base) for base in node.bases if ast.unparse(base) not in ("object",)]
    if bases:
        parts.append(f"Bases: {', '.join(f'`{base}`' for base in bases)}\n")
    parts.append(doc(ast.get_docstring(node) or ""))
    for index, item in enumerate(node.body):
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name not in HIDDEN | {"__new__", "__init__"} and not (item.name.startswith("_") and not item.name.startswith("__")):
            decorators = {ast.unparse(decorator) for decorator in item.decorator_list}
            if any(decorator.endswith(".setter") for decorator in decorators):
                continue
            if "property" in decorators:
                returns = f"\n:type: {ast.unparse(item.returns)}" if item.returns else ""
                parts.append(f"::::{{py:property}} {item.name}{returns}\n\n{doc(ast.get_docstring(item) or '')}\n::::\n")
            else:
                kind = "py:staticmethod" if "staticmethod" in decorators else "py:classmethod" if "classmethod" in decorators else "py:method"
                parts.append(function(item, kind, "", overload="overload" in decorators))
        elif isinstance(item, ast.AnnAssign) and not ast.unparse(item.target).startswith("_"):
            after = node.body[index + 1] if index + 1 < len(node.body) else None
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str) else ""
            parts.append(f"::::{{py:attribute}} {ast.unparse(item.target)}\n:type: {ast.unparse(item.annotation)}\n\n{doc(text)}\n::::\n")
    return "\n".join([*parts, ":::::\n"])


def function(node, kind: str, prefix: str, overload: bool = False) -> str:
    options = ":no-index:\n" if overload else ""
    if isinstance(node, ast.AsyncFunctionDef):
        options += ":async:\n"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"::::{{{kind}}} {prefix}{node.name}{arguments(node)}{returns}\n{options}\n{doc(ast.get_docstring(node) or '')}\n::::\n"


def arguments(node) -> str:
    args = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0].args
    positional = args.posonlyargs or args.args
    if positional and positional[0].arg in ("self", "cls"):
        positional.pop(0)
    return f"({ast.unparse(args)})"


def doc(text: str) -> str:
    """Returns a docstring as Markdown: an indented example becomes a block of code."""
    lines, code = [], False
    previous_blank = True
    for line in text.splitlines():
        starts = line.startswith("    ") and previous_blank and not code
        if starts:
            lines.append("```python")
            code = True
        if code and line and not line.startswith("    "):
            while lines[-1] == "":
                lines.pop()
            lines += ["```", ""]
            code = False
        lines.append(line[4:] if code else line)
        previous_blank = not line
    if code:
        lines.append("```")
    return "\n".join(lines) + "\n"
