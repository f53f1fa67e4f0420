"""The laws of the house, checked on the syntax trees of a source folder; `test_architecture.py` applies them."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGE = "diptych"

# What lies directly under src/diptych, and its floor. An import goes to a lower floor or stays within its own wing.
FLOORS: Mapping[str, int] = {
    "errors": 0,
    "model": 1,
    "threads": 1,
    "outages": 1,
    "codec": 2,
    "ports": 2,
    "conditions": 2,  # specifications as SQL
    "injection": 2,
    "handlers": 2,
    "module": 3,
    "dispatch": 3,
    "recorded": 3,  # stored events as events
    "subscription": 3,
    "syntax": 3,  # the code of folds as text
    "settings": 3,
    "watchdog": 3,
    "stores": 3,
    "write": 4,
    "read": 4,
    "react": 5,
    "history": 5,
    "moving": 5,  # a log into another house
    "describing": 5,
    "wiring": 5,
    "application": 6,
    "web": 7,
    "console": 7,
    "testing": 7,
    "cli": 8,
    "__init__": 9,  # the public names
    "__main__": 9,
}

# A wing that only the named ones may import, whatever their floor.
IMPORTED_ONLY_BY: Mapping[str, frozenset[str]] = {"stores": frozenset({"application"})}

PURE = frozenset({"errors", "model"})
IMPURE_MODULES = frozenset(
    "asyncio anyio uvloop concurrent threading multiprocessing subprocess signal selectors select queue "
    "time random secrets os io pathlib shutil tempfile glob socket ssl http urllib sqlite3 sqlalchemy "
    "logging starlette uvicorn click rich importlib pickle".split()
)
IMPURE_NAMES = frozenset(
    "uuid.uuid1 uuid.uuid4 uuid.uuid6 uuid.uuid7 uuid.getnode datetime.datetime.now datetime.datetime.utcnow "
    "datetime.datetime.today datetime.date.today open print input __import__ eval exec".split()
)

FILE_LINES = 300
FUNCTION_LINES = 25
PROTOCOL_METHODS = 6

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One import of one module of the package, wherever in the file it stands."""

    target: str
    line: int


@dataclass(frozen=True)
class Source:
    """One parsed file of the package."""

    root: Path
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def parts(self) -> tuple[str, ...]:
        return self.path.relative_to(self.root).with_suffix("").parts

    @property
    def wing(self) -> str:
        return self.parts[0]

    @property
    def name(self) -> str:
        parts = self.parts[:-1] if self.parts[-1] == "__init__" else self.parts
        return ".".join((PACKAGE, *parts))

    @property
    def package(self) -> list[str]:
        return [PACKAGE, *self.parts[:-1]]

    def at(self, line: int) -> str:
        return f"{PACKAGE}/{self.path.relative_to(self.root)}:{line}"


def sources(root: Path) -> list[Source]:
    return [Source(root, path) for path in sorted(root.rglob("*.py"))]


def imports(source: Source) -> Iterator[Import]:
    """Every import of the package's own modules: lazy, `TYPE_CHECKING` and `import_module("...")` ones count."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(source, node)
            found = [_submodule(source.root, module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and _dotted(node.func).endswith(("import_module", "__import__")):
            found = [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []
        else:
            continue
        for target in sorted({str(name) for name in found}):
            if target == PACKAGE or target.startswith(f"{PACKAGE}."):
                yield Import(target, node.lineno)


def floor_violations(root: Path) -> list[str]:
    """Imports that go up, to a wing of the same floor, or where only `application` may; and wings without a floor."""
    offences = []
    for source in sources(root):
        if source.wing not in FLOORS:
            offences.append(f"{source.at(1)} {source.wing!r} has no floor: add it to FLOORS")
            continue
        for found in imports(source):
            wing = _wing(found.target)
            if wing == source.wing:
                continue
            if FLOORS.get(wing, 99) >= FLOORS[source.wing]:
                floors = f"floor {FLOORS[source.wing]} imports floor {FLOORS.get(wing, '?')}"
                offences.append(f"{source.at(found.line)} {source.wing} imports {found.target}: {floors}")
            elif source.wing not in IMPORTED_ONLY_BY.get(wing, {source.wing}):
                only = ", ".join(sorted(IMPORTED_ONLY_BY[wing]))
                offences.append(f"{source.at(found.line)} {source.wing} imports {found.target}: only {only} may")
    return offences


def circles(root: Path) -> list[str]:
    """Import circles, as `a -> b -> a`; each is told once, starting at its first name."""
    files = sources(root)
    names = {source.name for source in files}
    graph = {source.name: sorted({found.target for found in imports(source)} & names) for source in files}
    found: set[tuple[str, ...]] = set()
    finished: set[str] = set()
    for start in sorted(graph):
        _walk(graph, start, [], finished, found)
    return sorted(" -> ".join((*circle, circle[0])) for circle in found)


def impurities(root: Path) -> list[str]:
    """Async, I/O, clocks and randomness on the pure floors."""
    offences = []
    for source in sources(root):
        if source.wing in PURE:
            offences += [f"{source.at(line)} {what}" for line, what in sorted(_impure(source.tree))]
    return offences


def oversized(root: Path) -> list[str]:
    """Files of more than 300 lines, functions of more than 25 without their docstring."""
    offences = []
    for source in sources(root):
        lines = len(source.text.splitlines())
        if lines > FILE_LINES:
            offences.append(f"{source.at(1)} has {lines} lines, at most {FILE_LINES}")
        offences += [
            f"{source.at(node.lineno)} {node.name} has {_length(node)} lines, at most {FUNCTION_LINES}"
            for node in ast.walk(source.tree)
            if isinstance(node, Function) and _length(node) > FUNCTION_LINES
        ]
    return offences


def wide_ports(root: Path) -> list[str]:
    """Protocols in ports with more than six methods."""
    offences = []
    for source in sources(root):
        if source.wing != "ports":
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                methods = sum(isinstance(child, Function) for child in node.body)
                if methods > PROTOCOL_METHODS:
                    offences.append(f"{source.at(node.lineno)} {node.name} has {methods} methods")
    return offences


def _absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = source.package[: len(source.package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])


def _submodule(root: Path, module: str, name: str) -> str:
    """`from module import name` reaches the module `module.name` if there is one, else `module`."""
    if module != PACKAGE and not module.startswith(f"{PACKAGE}."):
        return module
    path = root.joinpath(*module.split(".")[1:], name)
    return f"{module}.{name}" if path.is_dir() or path.with_suffix(".py").is_file() else module


def _wing(target: str) -> str:
    return target.split(".")[1] if "." in target else "__init__"


def _walk(
    graph: Mapping[str, list[str]], name: str, path: list[str], finished: set[str], found: set[tuple[str, ...]]
) -> None:
    if name in path:
        circle = path[path.index(name) :]
        first = circle.index(min(circle))
        found.add((*circle[first:], *circle[:first]))
        return
    if name in finished:
        return
    for target in graph[name]:
        _walk(graph, target, [*path, name], finished, found)
    finished.add(name)


def _impure(tree: ast.Module) -> Iterator[tuple[int, str]]:
    aliases = _aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield node.lineno, "is async"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name in _imported(node):
                if name.split(".")[0] in IMPURE_MODULES or name in IMPURE_NAMES:
                    yield node.lineno, f"imports {name}"
        elif isinstance(node, ast.Attribute | ast.Name):
            first, _, rest = _dotted(node).partition(".")
            name = f"{aliases.get(first, first)}.{rest}".rstrip(".")
            if name in IMPURE_NAMES:
                yield node.lineno, f"uses {name}"


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [] if node.level else [f"{node.module}.{alias.name}" for alias in node.names]


def _aliases(tree: ast.Module) -> dict[str, str]:
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias, name in zip(node.names, _imported(node), strict=False):
                aliases[alias.asname or alias.name] = name
    return aliases


def _dotted(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr) if prefix := _dotted(value):
            return f"{prefix}.{attr}"
    return ""


def _length(node: Function) -> int:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        first = node.body[0]
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def source_root() -> Path:
    return Path(__file__).resolve().parents[1] / "src" / PACKAGE
