"""Writes the messages of the package's errors into docs/en/reference/errors.md: python docs/generate_errors.py."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import golmu

SOURCE = Path(golmu.__file__).parent
PATH = Path(__file__).parent / "en" / "reference" / "errors.md"
BEGIN, END = "<!-- messages -->\n", "<!-- /messages -->\n"

GAP = "…"
"""Stands for what differs from case to case."""

GROUPS = {
    "Arguments and settings": ("estimator", "checks", "recipe", "architecture", "preprocessing"),
    "Reading data": ("data",),
    "Training": ("training", "engines"),
    "Runs, evaluations and reports": ("runs", "analysis", "report"),
    "Model files and predictions": ("model",),
    "Exports": ("export",),
    "The server and the live page": ("serve",),
    "Searches": ("tune",),
    "Figures": ("plots", "pages"),
    "The command line": ("cli",),
    "Files and this computer": ("system", "json_values", "names", "about", "types", "metrics", "schedule", "errors"),
}
"""What the user was doing, and the departments of the package that then speak."""

NOT_SHOWN = {"AssertionError", "IndexError", "OSError", "BlockingIOError", "IsADirectoryError", "StorageInternalError"}
"""Errors whose texts no user reads, or that are the system's."""

KINDS = {"warn": "warning", "RefusalError": "answer of the server", "BadParameter": "usage error"}
PARTS = {"ValueError": "part of a message", "EOFError": "part of a message", "AttributeError": "`AttributeError`"}


@dataclass(frozen=True)
class Module:
    department: str
    tree: ast.Module


def read_modules() -> dict[str, Module]:
    """Read the package, by the names of its modules."""
    found = {}
    for path in sorted(SOURCE.rglob("*/*.py")) + sorted(set(SOURCE.glob("*.py")) - set(SOURCE.glob("__*"))):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(("golmu", *parts)).removesuffix(".__init__")
        found[name] = Module(parts[0], ast.parse(path.read_text(encoding="utf-8")))
    return found


MODULES = read_modules()
FUNCTIONS: dict[str, list[tuple[str, ast.FunctionDef]]] = {}
for _module, _one in MODULES.items():
    for _node in ast.walk(_one.tree):
        if isinstance(_node, ast.FunctionDef):
            FUNCTIONS.setdefault(_node.name, []).append((_module, _node))


class Texts:
    """The texts that an expression of a function in a module may have; what is only known at run time is a gap."""

    def __init__(self, module: str, function: ast.AST | None) -> None:
        self.module, self.function = module, function

    def of(self, node: ast.AST) -> list[str]:  # noqa: PLR0911  a line for each kind
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=values):
                return ["".join(self._piece(value) for value in values)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return [a + b for a in self.of(left) or [GAP] for b in self.of(right) or [GAP]]
            case ast.IfExp(body=body, orelse=orelse):
                return [*self.of(body), *self.of(orelse)]
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) | ast.Attribute(attr=name):
                return self._returned(name)
            case ast.Name(id=name):
                return self._assigned(name)
            case _:
                return []

    def _piece(self, value: ast.expr) -> str:
        if isinstance(value, ast.Constant):
            return str(value.value)
        assert isinstance(value, ast.FormattedValue)
        if isinstance(value.value, ast.Name) and value.value.id.isupper():
            return constant(self.module, value.value.id)
        return GAP

    def _returned(self, name: str) -> list[str]:
        """The texts that a function of the package returns, if its name is nowhere else."""
        return [
            text
            for module, function in FUNCTIONS.get(name, [])
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and node.value is not None and not is_call_of(node.value, name)
            for text in Texts(module, function).of(node.value)
        ]

    def _assigned(self, name: str) -> list[str]:
        """The texts that a name is given in the function, one behind the other where it grows."""
        if self.function is None:
            return []
        return [
            text
            for node in ast.walk(self.function)
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
            for text in self.of(node.value)
        ]


def is_call_of(node: ast.AST, name: str) -> bool:
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(node))


def constant(module: str, name: str) -> str:
    """The value of a constant of the package, as text; a gap if it is not written out."""
    for node in MODULES[module].tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            texts = Texts(module, None).of(node.value)
            if texts:
                return texts[0]
            return f"{node.value.value:,}" if isinstance(node.value, ast.Constant) else GAP
        if isinstance(node, ast.ImportFrom) and node.module in MODULES and name in {one.name for one in node.names}:
            return constant(node.module, name)
    return GAP


def calls(module: Module) -> Iterator[tuple[ast.Call, str, ast.AST | None]]:
    """Each call that makes an error or a warning, the name of what it makes, and the function around it."""

    def walk(node: ast.AST, function: ast.AST | None) -> Iterator[tuple[ast.Call, str, ast.AST | None]]:
        if isinstance(node, ast.FunctionDef):
            function = node
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if (name.endswith("Error") or name in KINDS) and name not in NOT_SHOWN:
                yield node, name, function
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function)

    return walk(module.tree, None)


def messages() -> dict[str, dict[str, set[str]]]:
    """The messages of each group, each with the kinds of errors that have it."""
    group_of = {department: group for group, departments in GROUPS.items() for department in departments}
    found: dict[str, dict[str, set[str]]] = {group: {} for group in GROUPS}
    for name, module in MODULES.items():
        for call, made, function in calls(module):
            arguments = call.args[1:] if made == "RefusalError" else call.args[:1]
            kind = KINDS.get(made) or PARTS.get(made) or f"`{made}`"
            for text in (text for argument in arguments[:1] for text in Texts(name, function).of(argument)):
                if words := tidy(text):
                    found[group_of[module.department]].setdefault(words, set()).add(kind)
    return found


def tidy(text: str) -> str:
    """Return a message in one line; "" if it has no words of its own."""
    line = re.sub(rf"{GAP}(?:\s*{GAP})+", GAP, " ".join(text.split()))
    return line if re.search(r"[a-z]{2}", line) else ""


def escaped(text: str) -> str:
    """A text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|${}#~])", r"\\\1", text)


def section() -> str:
    """The generated part of the page."""
    lines = []
    for group, texts in messages().items():
        if texts:
            lines += ["", f"### {group}", "", "| message | |", "|---|---|"]
            lines += [f"| {escaped(text)} | {', '.join(sorted(texts[text]))} |" for text in sorted(texts, key=order)]
    return "\n".join(lines) + "\n\n"


def order(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower()).strip()


def page() -> str:
    """The page as it should be."""
    before, rest = PATH.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + section() + END + rest.split(END)[1]


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")
