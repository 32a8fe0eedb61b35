"""Reads what a module of a package defines, without running it: names, classes, arguments; and what it cannot know.

A name may come from a table of the module's own __getattr__, from a star, from `lazy_loader`, from `_import_structure`, from a
loop over dir(). What gives names in another way makes the module `opaque`: that it lacks a name is not known.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

_FIELDS = re.compile(r"\b(?:BaseModel|NamedTuple|Struct|PretrainedConfig|PreTrainedConfig)\b")
_OTHER_NAMES = re.compile(r"(?i)deprecat|renam|alias|legacy|replace|keyword_only|map_arg")
_NEW_NAMES = re.compile(r"(?i)renam|alias|replace|map_arg")  # old="new"


@dataclass
class Arguments:
    """Of a function: what it takes by name. `rest`: it takes others (**kwargs); `passes_on`: it gives those to super()."""

    names: set[str] = field(default_factory=set)
    rest: bool = False
    passes_on: bool = False


@dataclass
class Class:
    """`attributes`: of the class itself; `assigned`: what its methods set on self; `bases` as they are written."""

    attributes: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)
    methods: dict[str, Arguments] = field(default_factory=dict)
    bases: list[str] = field(default_factory=list)
    init: Arguments | None = None


@dataclass
class Module:
    """`own`: bound here, or taken from a module of the same package. `other`: taken from elsewhere. `all`: what __all__ lists;
    entries "=module" are the __all__ of that module. `imports`: local name -> "module" or "module:name".
    """

    own: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)
    raising: set[str] = field(default_factory=set)
    stars: list[str] = field(default_factory=list)
    all: set[str] | None = None
    imports: dict[str, str] = field(default_factory=dict)
    classes: dict[str, Class] = field(default_factory=dict)
    functions: dict[str, Arguments] = field(default_factory=dict)
    opaque: bool = False
    read: bool = True  # False: a compiled module, which has no source here
    forwards: list[str] = field(
        default_factory=list
    )  # modules whose names it gives, private ones, too
    stub: bool = False  # its names are those of the .pyi beside it


def read_module(name: str, is_package: bool, source: bytes) -> Module:
    """`name` without __init__. A file that this Python cannot parse is opaque."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return Module(opaque=True)
    return read_tree(
        name, is_package, tree, fills=bool(re.search(rb"(?m)^[ \t]+.*\b__all__", source))
    )


def read_tree(name: str, is_package: bool, tree: ast.Module, fills: bool = True) -> Module:
    """The same of a module that was parsed. `fills`: whether a function may fill its __all__."""
    found = Module()
    _Reader(found, name, is_package, fills).read(tree)
    return found


@dataclass
class _Given:
    """What a __getattr__ gives and refuses. `elsewhere`: it asks others for the name; `closed`: not for names of no table."""

    alive: set[str] = field(default_factory=set)
    raising: set[str] = field(default_factory=set)
    elsewhere: bool = False
    closed: bool = False

    def take(self, table: tuple[set[str], set[str]]) -> None:
        self.alive |= table[0]
        self.raising |= table[1]


# Calls in a __getattr__ that look for a name in another place; and those that only speak of it.
_ASKS = re.compile(r"(?:getattr|importlib\.import_module|import_module|__import__)\(")
_HARMLESS = re.compile(
    r"(?:isinstance|hasattr|repr|str|format|AttributeError|ImportError|print|len|super|object\.__getattribute__|globals\(\)|"
    r"\w+\.(?:startswith|endswith|get)|\w*\.?_?warn\w*)\b"
)


_TYPING = re.compile(r"(?!not\b).*\bTYPE_CHECKING\b")


class _Reader:
    def __init__(self, found: Module, name: str, is_package: bool, fills: bool = True) -> None:
        self.found, self.name, self.fills = found, name, fills
        self.top = name.partition(".")[0]
        self.folder = name if is_package else name.rpartition(".")[0]
        self.tables: dict[str, tuple[set[str], set[str]]] = {}
        self.functions: dict[str, ast.FunctionDef] = {}
        self.getattr: ast.FunctionDef | None = None
        self.typing_only: list[ast.stmt] = []
        self.lazy = False

    def read(self, tree: ast.Module) -> None:
        for node in self._statements(tree.body):
            self._statement(node)
        if self.getattr:
            self._served(self.getattr)
        if self.lazy:  # what type checkers are told is what is given when it is asked for
            for node in self._statements(self.typing_only):
                self._statement(node)
        self.found.own -= {"__getattr__", "__dir__"}

    def _statements(self, nodes: list[ast.stmt]) -> Iterator[ast.stmt]:
        """Also those below `if`, `try`, `with` and `for`."""
        for node in nodes:
            if isinstance(node, ast.If) and _TYPING.match(ast.unparse(node.test)):
                self.typing_only += node.body
                yield from self._statements(node.orelse)
                continue
            yield node
            if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While):
                yield from self._statements(node.body)
                yield from self._statements(getattr(node, "orelse", []))
                yield from self._statements(getattr(node, "finalbody", []))
                for handler in getattr(node, "handlers", []):
                    yield from self._statements(handler.body)

    def _statement(self, node: ast.stmt) -> None:
        found = self.found
        if isinstance(node, ast.ClassDef):
            found.own.add(node.name)
            found.classes[node.name] = _class(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name == "__getattr__" and isinstance(node, ast.FunctionDef):
                self.getattr = node
            found.own.add(node.name)
            if (
                found.all is not None
                and self.fills
                and any(isinstance(one, ast.Name) and one.id == "__all__" for one in ast.walk(node))
            ):
                found.all.add("?")  # filled by a call
            found.functions[node.name] = _merged(found.functions.get(node.name), arguments(node))
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            self._import_from(node)
        elif isinstance(node, ast.Import):
            for one in node.names:
                bound = one.asname or one.name.partition(".")[0]
                own = one.name.partition(".")[0] == self.top
                (found.own if own and one.asname else found.other).add(bound)
                found.imports[bound] = one.name if one.asname else bound
        elif isinstance(node, ast.For):
            self._loop(node)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.own.discard(target.id)
                    found.other.discard(target.id)
        elif isinstance(node, ast.Expr):
            self._call(node.value)
        else:
            self._assigned(node)

    def _import_from(self, node: ast.ImportFrom) -> None:
        parts = self.folder.split(".")
        above = parts[: len(parts) - (node.level - 1)] if node.level else []
        source = ".".join([*above, *([node.module] if node.module else [])])
        own = source.partition(".")[0] == self.top
        for one in node.names:
            if one.name == "*":
                self.found.stars.append(source)
                continue
            bound = one.asname or one.name
            (self.found.own if own else self.found.other).add(bound)
            self.found.imports[bound] = f"{source}:{one.name}"

    def _loop(self, node: ast.For) -> None:
        """`for name in dir(other): globals()[name] = …` takes over what `other` has."""
        if "globals()" not in "".join(map(ast.unparse, node.body)):
            return
        over = re.search(r"\bdir\(([\w.]+)\)", ast.unparse(node.iter))
        if over:
            head = over[1].partition(".")[0]
            inside = head not in self.found.imports
            self.found.stars.append(
                f"{self.folder}.{over[1]}" if inside else self._absolute(over[1])
            )
        elif (told := self._strings(node.iter)) is not None:
            self.found.own |= told
        else:
            self.found.opaque = True

    def _absolute(self, dotted: str) -> str:
        head, _, rest = dotted.partition(".")
        module = self.found.imports.get(head, head).replace(":", ".")
        return f"{module}.{rest}" if rest else module

    def _call(self, node: ast.expr) -> None:
        text = ast.unparse(node)
        if re.match(r"__all__\.(?:extend|append)\(", text) and isinstance(node, ast.Call):
            self._lists(node.args[0])
        elif isinstance(node, ast.Call) and any(
            ast.unparse(one) in ("globals()", "_globals") for one in node.args
        ):
            self.found.opaque = True  # filled by another function
        elif (
            (table := re.match(r"(\w+)\.update\(", text))
            and table[1] in self.tables
            and isinstance(node, ast.Call)
            and node.args
        ):
            told = self._table(node.args[0])
            if told is not None:
                old = self.tables[table[1]]
                self.tables[table[1]] = (old[0] | told[0], old[1] | told[1])
        elif re.match(r"__all__\.remove\(", text) and isinstance(node, ast.Call) and self.found.all:
            self.found.all -= _strings(ast.List(elts=node.args, ctx=ast.Load())) or set()
        elif re.match(
            r"globals\(\)\.update\(|setattr\((?:sys\.modules\[__name__\]|this\w*|module|\w*mod)\b",
            text,
        ):
            told = (
                self._strings(node.args[-1]) if isinstance(node, ast.Call) and node.args else None
            )
            if told is not None:
                self.found.own |= told
            elif "dummy" not in text and not self.lazy:
                self.found.opaque = True
        elif re.search(r"sys\.modules\[__name__\]\.__class__|lazy_import", text):
            self._attach(node)

    def _assigned(self, node: ast.stmt) -> None:
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            return
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        named = [
            one.id
            for target in targets
            for one in ast.walk(target)
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
        ]
        self.found.own.update(named)
        value = node.value
        left = ast.unparse(targets[0])
        if value is None:
            return
        if named == ["__all__"]:
            self._lists(value, anew=not isinstance(node, ast.AugAssign))
        elif "__getattr__" in named or left.startswith("sys.modules[__name__]"):
            self._attach(value)
        elif left.startswith("globals()["):
            key = (
                node.targets[0].slice
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)
                else None
            )
            if isinstance(key, ast.Constant):
                self.found.own.add(str(key.value))
        elif left.startswith("_import_structure["):
            self.found.own |= _strings(value) or set()
            self.found.own |= {one.split(".")[0] for one in re.findall(r"\['([\w.]+)'\]", left)}
        if len(named) == 1 and (told := self._table(value)) is not None:
            self.tables[named[0]] = told
            if named == ["_import_structure"]:
                self.lazy = True
                self.found.own |= _names_of_structure(value)

    def _lists(self, value: ast.expr, anew: bool = False) -> None:
        """A part of __all__: names, or the __all__ of other modules."""
        listed = set() if anew or self.found.all is None else self.found.all
        for part in _parts(value):
            if isinstance(part, ast.Attribute) and part.attr == "__all__":
                listed.add("=" + self._absolute(ast.unparse(part.value)))
            elif isinstance(part, ast.Name) and part.id in self.tables:
                listed |= self.tables[part.id][0]
            elif isinstance(part, ast.Name) and self.found.imports.get(part.id, "").endswith(
                ":__all__"
            ):
                listed.add("=" + self.found.imports[part.id].partition(":")[0])
            else:
                told = self._strings(part)
                listed |= {"?"} if told is None else told
        self.found.all = listed

    def _strings(self, node: ast.expr) -> set[str] | None:
        """As `_strings`, where names of tables and comprehensions over them count, too."""
        if isinstance(node, ast.Name):
            told = self.tables.get(node.id)
            return set().union(*told) if told else None
        if isinstance(node, ast.BinOp):
            left, right = self._strings(node.left), self._strings(node.right)
            return None if left is None or right is None else left | right
        if (
            isinstance(node, ast.DictComp | ast.ListComp | ast.SetComp | ast.GeneratorExp)
            and len(node.generators) == 1
        ):
            made = node.key if isinstance(node, ast.DictComp) else node.elt
            over = node.generators[0]
            first: ast.expr = (
                over.target.elts[0] if isinstance(over.target, ast.Tuple) else over.target
            )
            return self._strings(over.iter) if ast.unparse(made) == ast.unparse(first) else None
        if isinstance(node, ast.DictComp | ast.ListComp | ast.SetComp | ast.GeneratorExp):
            return self._strings(node.generators[0].iter)  # of {"part": ["Name", …]} all of them
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("keys", "items", "values")
        ):
            return self._strings(node.func.value)
        return _strings(node)

    def _table(self, node: ast.expr) -> tuple[set[str], set[str]] | None:
        """The names of a table that are given, and those that only raise; None: it is none."""
        if isinstance(node, ast.Dict):
            return _alive(node)
        told = self._strings(node)
        return None if told is None else (told, set())

    def _attach(self, value: ast.expr) -> None:
        """lazy_loader.attach, attach_stub, _LazyModule, deprecation_getattr: the names that the call is given."""
        text = ast.unparse(value)
        if "attach_stub" in text:
            self.found.stub = True
            return
        told: set[str] = set()
        known = False
        for one in ast.walk(value):
            if isinstance(one, ast.Name) and one.id in self.tables:
                alive, raising = self.tables[one.id]
                self.found.raising |= raising
                told |= alive
                known = True
            elif isinstance(one, ast.Dict | ast.List | ast.Set | ast.Tuple):
                told |= _names_of_structure(one)
                known = True
        self.found.own |= told
        self.lazy |= not known
        if not known:
            self.found.opaque = True

    def _served(self, node: ast.FunctionDef) -> None:
        """What a __getattr__ gives. It can be read where each way through it asks for names that stand in the module."""
        asked = node.args.args[0].arg if node.args.args else "name"
        local = self._imported_in(node)
        given = _Given()
        for part in ast.walk(node):
            if isinstance(part, ast.If):
                self._guarded(part, asked, given)
            elif isinstance(part, ast.Subscript | ast.Call):
                self._looked_up(part, asked, local, given)
        if given.elsewhere and not given.closed and not (given.alive and _raises_at_end(node.body)):
            self.found.opaque = True
        self.found.own |= {one for one in given.alive if one.isidentifier()} - given.raising
        self.found.raising |= given.raising

    def _imported_in(self, node: ast.FunctionDef) -> dict[str, str]:
        """The modules that a function imports, by their local names."""
        inside = _Reader(Module(), self.name, self.folder == self.name)
        for part in ast.walk(node):
            if isinstance(part, ast.ImportFrom | ast.Import):
                inside._statement(part)
        return {name: module.replace(":", ".") for name, module in inside.found.imports.items()}

    def _guarded(self, node: ast.If, asked: str, given: _Given) -> None:
        """`if name in TABLE: raise …`; `if name not in __all__: raise …`, behind which nothing else is given."""
        told = self._condition(node.test, asked)
        if told is None:
            return
        test, raises = ast.unparse(node.test), isinstance(node.body[-1], ast.Raise)
        given.closed |= raises and " not in " in test
        others = isinstance(node.test, ast.UnaryOp) or " not in " in test or "!=" in test
        (given.raising if raises and not others else given.alive).update(told)

    def _looked_up(
        self, part: ast.Subscript | ast.Call, asked: str, local: dict[str, str], given: _Given
    ) -> None:
        text = ast.unparse(part)
        table = re.match(rf"(\w+)(?:\[{asked}\]|\.(?:get|pop)\({asked}\b)", text)
        if table and table[1] in self.tables:
            given.take(self.tables[table[1]])
        elif not isinstance(part, ast.Call):
            return
        elif "all=__all__" in text and self.found.all:
            given.alive |= self.found.all
        elif other := re.match(rf"getattr\(([\w.]+), {asked}\b", text):
            module = self._absolute(local.get(other[1], other[1]))
            if module.partition(".")[0] == self.top:
                self.found.forwards.append(module)
            else:
                given.elsewhere = True
        elif not _HARMLESS.match(text) and (
            (_ASKS.match(text) and asked in text) or asked in map(ast.unparse, part.args)
        ):
            names = (one.id for one in ast.walk(part) if isinstance(one, ast.Name))
            told = [self.tables[one] for one in names if one in self.tables]
            for one in told:
                given.take(one)
            given.elsewhere |= not any(map(any, told))

    def _condition(self, test: ast.expr, asked: str) -> set[str] | None:
        """The names that `name == "x"` and `name in TABLE` let through; None: it is another question."""
        told: set[str] = set()
        known = False
        for one in ast.walk(test):
            if not isinstance(one, ast.Compare) or ast.unparse(one.left) != asked:
                continue
            for operator, other in zip(one.ops, one.comparators, strict=True):
                if isinstance(operator, ast.Eq) and isinstance(other, ast.Constant):
                    told.add(str(other.value))
                    known = True
                elif isinstance(operator, ast.In | ast.NotIn):
                    if (
                        isinstance(other, ast.Name)
                        and other.id == "__all__"
                        and self.found.all is not None
                    ):
                        told |= {name for name in self.found.all if name.isidentifier()}
                        known = True
                    elif isinstance(other, ast.Name) and other.id in self.tables:
                        alive, raising = self.tables[other.id]
                        told |= alive | raising
                        known = True
                    elif (names := self._strings(other)) is not None:
                        told |= names
                        known = True
        return told if known else None


def _raises_at_end(body: list[ast.stmt]) -> bool:
    last = body[-1]
    return isinstance(last, ast.Raise) or (
        isinstance(last, ast.If | ast.Try) and "raise" in ast.unparse(last)
    )


def _parts(value: ast.expr) -> Iterator[ast.expr]:
    """The summands of `a + list(b) + [*c, "d"]`."""
    if isinstance(value, ast.BinOp):
        yield from _parts(value.left)
        yield from _parts(value.right)
    elif (
        isinstance(value, ast.Call)
        and ast.unparse(value.func) in ("list", "tuple", "sorted", "set")
        and value.args
    ):
        yield from _parts(value.args[0])
    elif isinstance(value, ast.List | ast.Tuple | ast.Set):
        plain = [one for one in value.elts if not isinstance(one, ast.Starred)]
        yield ast.List(elts=plain, ctx=ast.Load())
        for one in value.elts:
            if isinstance(one, ast.Starred):
                yield from _parts(one.value)
    else:
        yield value


def _strings(node: ast.expr) -> set[str] | None:
    """The strings of a list, or the keys of a dict; None: it has other things."""
    if isinstance(node, ast.Dict):
        return _keys(node)
    if (
        isinstance(node, ast.Call)
        and node.args
        and ast.unparse(node.func) in ("set", "frozenset", "list", "tuple", "sorted")
    ):
        return _strings(node.args[0])
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("keys", "items")
    ):
        return _strings(node.func.value)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "split"
        and isinstance(node.func.value, ast.Constant)
    ):
        return set(str(node.func.value.value).split())
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return None
    out = set()
    for one in node.elts:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            out.add(one.value)
        elif isinstance(one, ast.Tuple) and one.elts and isinstance(one.elts[0], ast.Constant):
            out.add(str(one.elts[0].value))
        elif isinstance(one, ast.Attribute) and one.attr == "__name__":
            out.add(ast.unparse(one.value))
        elif isinstance(one, ast.Name):
            continue
        else:
            return None
    return out


def _keys(node: ast.expr) -> set[str] | None:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict":
        return {one.arg for one in node.keywords if one.arg}
    if not isinstance(node, ast.Dict):
        return None
    return {
        one.value
        for one in node.keys
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def _alive(node: ast.expr) -> tuple[set[str], set[str]]:
    """Of a table: the names that are given, and those whose entry only says how it was called: ("gone", None)."""
    alive: set[str] = set()
    raising: set[str] = set()
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                continue
            gone = isinstance(value, ast.Tuple) and any(
                isinstance(one, ast.Constant) and one.value is None for one in value.elts
            )
            (raising if gone else alive).add(key.value)
            if isinstance(value, ast.List | ast.Tuple | ast.Set) and not gone:
                listed = _strings(value) or set()
                if all(one.isidentifier() for one in listed):
                    alive |= listed
        return {one.split(".")[0] for one in alive}, raising
    told = _strings(node)
    return (told or set()), set()


def _names_of_structure(node: ast.expr) -> set[str]:
    """Of `{"part.inner": ["Name", …]}` all names, and the parts."""
    out: set[str] = set()
    for one in ast.walk(node):
        if (
            isinstance(one, ast.Constant)
            and isinstance(one.value, str)
            and re.fullmatch(r"\.?[\w.]+", one.value)
        ):
            first = one.value.lstrip(".").split(".")[0]
            if first.isidentifier():
                out.add(first)
    return out


def _class(node: ast.ClassDef) -> Class:
    out = Class(bases=[ast.unparse(one) for one in node.bases])
    told = " ".join(ast.unparse(one) for one in (*node.decorator_list, *node.bases))
    fields = "dataclass" in told or bool(_FIELDS.search(told))
    taken: set[str] = set()
    for part in _inner(node.body):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            out.attributes.add(part.name)
            if part.name == "__getattr__":
                out.attributes |= {
                    one.value
                    for one in ast.walk(part)
                    if isinstance(one, ast.Constant)
                    and isinstance(one.value, str)
                    and one.value.isidentifier()
                }
            read = arguments(part)
            if part.name == "__init__":
                out.init = _merged(out.init, read)
            elif not part.name.startswith("_"):
                out.methods[part.name] = _merged(out.methods.get(part.name), read)
            me = part.args.args[0].arg if part.args.args else "self"
            out.assigned |= {*_set_on(me, part.body)}
        elif isinstance(part, ast.ClassDef):
            out.attributes.add(part.name)
        elif isinstance(part, ast.Assign):
            out.attributes |= {
                one.id
                for target in part.targets
                for one in ast.walk(target)
                if isinstance(one, ast.Name)
            }
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            out.attributes.add(part.target.id)
            if fields:
                taken.add(part.target.id)
    if taken and out.init is None:
        out.init = Arguments(taken, passes_on=True)
    return out


def _inner(nodes: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in nodes:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _inner(node.body)
            yield from _inner(getattr(node, "orelse", []))


def _set_on(me: str, nodes: list[ast.stmt]) -> Iterator[str]:
    """The attributes that a method sets: `self.name = …`."""
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for one in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if (
                        isinstance(one, ast.Attribute)
                        and isinstance(one.value, ast.Name)
                        and one.value.id == me
                    ):
                        yield one.attr
        else:
            for inner in ("body", "orelse", "finalbody"):
                below = getattr(node, inner, [])
                yield from _set_on(me, below if isinstance(below, list) else [])


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Arguments:
    """What a function takes by name: also by an older name, which a decorator turns into the new one."""
    given = node.args
    names = {one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    for one in node.decorator_list:
        if isinstance(one, ast.Call) and _OTHER_NAMES.search(ast.unparse(one.func)):
            for inner in ast.walk(one):
                if (
                    isinstance(inner, ast.Constant)
                    and isinstance(inner.value, str)
                    and inner.value.isidentifier()
                ):
                    names.add(inner.value)
                elif (
                    isinstance(inner, ast.keyword)
                    and inner.arg
                    and _NEW_NAMES.search(ast.unparse(one.func))
                ):
                    names.add(inner.arg)
    rest = given.kwarg is not None
    passes_on = False
    if given.kwarg is not None:
        whole = given.kwarg.arg
        used = 0
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                text = ast.unparse(inner.func)
                if (
                    text in (f"{whole}.pop", f"{whole}.get", f"{whole}.setdefault")
                    and inner.args
                    and isinstance(inner.args[0], ast.Constant)
                ):
                    names.add(str(inner.args[0].value))
                for keyword in inner.keywords:
                    if (
                        keyword.arg is None
                        and isinstance(keyword.value, ast.Name)
                        and keyword.value.id == whole
                    ):
                        used += 1
                        passes_on = passes_on or text == "super().__init__"
            elif (
                isinstance(inner, ast.Subscript)
                and ast.unparse(inner.value) == whole
                and isinstance(inner.slice, ast.Constant)
            ):
                names.add(str(inner.slice.value))
            elif (
                isinstance(inner, ast.Compare)
                and isinstance(inner.left, ast.Constant)
                and whole in map(ast.unparse, inner.comparators)
            ):
                names.add(str(inner.left.value))
        passes_on = passes_on and used == 1
    return Arguments(names - {"self", "cls"}, rest and not passes_on, passes_on)


def _merged(one: Arguments | None, other: Arguments) -> Arguments:
    if one is None:
        return other
    return Arguments(
        one.names | other.names, one.rest or other.rest, one.passes_on or other.passes_on
    )


STANDARD = sys.stdlib_module_names
