"""A Python build file, run abstractly in a build's world: exact where all is known.

What is not known and is asked for is chosen (`Choices`): one run goes one way, and
setup_py.py runs the file again for the other.
"""

from __future__ import annotations

import ast
import builtins
import posixpath
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.copied_files import WithCopies
from gpufix.source.builds.python_values import (
    Arguments,
    Bag,
    ExtensionClass,
    Lambda,
    OpenFile,
    OutsideMethod,
    Partial,
    Release,
    Rest,
    Super,
    Text,
    hidden,
    path_attribute,
)
from gpufix.source.builds.run import EnvironmentWrite, Place, Question, Started, Unsure
from gpufix.source.builds.world import BuildWorld
from gpufix.source.python.import_guards import catches, classes_of, kinds_by_name, kinds_of
from gpufix.source.python.import_statements import Statements
from gpufix.source.python.import_values import (
    UNKNOWN,
    AnyFunction,
    Bound,
    Class,
    Frame,
    Function,
    Instance,
    Module,
    Outside,
    PathText,
    Raised,
    Spec,
    Unknown,
    attribute,
    truth,
)
from gpufix.source.python.import_world import (
    IMPORT,
    NO_MODULE,
    Fails,
    Leaves,
    Return,
    TooMuch,
)
from gpufix.source.python.tree import NotPython, dotted_name, of_build_file

STEPS = 60_000  # statements and expressions of one way through a file
_ROUNDS = 2_000  # of a loop
_PLACED = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call, ast.Subscript)
_BUILTINS = frozenset(dir(builtins))
_PLAIN_DECORATORS = {"property", "staticmethod", "classmethod", "cached_property"}
_THEIRS = frozenset({"torch", "setuptools", "wheel", "pip", "numpy", "packaging", "pkg_resources"})


class Choices:
    """Which way a run goes where only a real one would tell."""

    def __init__(self, taken: dict[str, bool] | None = None) -> None:
        self.taken = dict(taken or {})
        self.order: list[str] = []  # those that this run asked for
        self.places: dict[str, Place] = {}

    def choose(self, why: str, place: Place) -> bool:
        """True or false; the same each time."""
        negated = why.startswith("not ")
        key = why.removeprefix("not ")
        if key not in self.places:
            self.order.append(key)
            self.places[key] = place
        return self.taken.setdefault(key, True) is not negated


class BuildPython(Statements):
    """Runs statements and expressions; python_outside.py what they call outside the project."""

    def __init__(
        self, world: BuildWorld, path: str, choices: Choices, trees: dict[str, ast.Module]
    ) -> None:
        """path: of the file, relative to the world's root. `trees`: what was parsed, and will be."""
        self.build = world
        self.files = WithCopies(world.files)
        self.path = f"{world.root}/{path}"
        self.folder = self.cwd = self.path.rpartition("/")[0]
        side = SimpleNamespace(
            version=world.python,
            platform=world.platform,
            machine=world.machine,
            environ=world.environment,
            suffixes=(f".cpython-{world.python[0]}{world.python[1]}-{world.machine}-linux-gnu.so",),
            known={},
        )
        super().__init__(cast("Any", side))
        self.most = STEPS
        self.places = [""]
        self.choices = choices
        self.environ = dict(world.environment)
        self.argv = list(world.argv)
        self.search = [self.folder]
        self.writes: list[EnvironmentWrite] = []
        self.asked_for: dict[tuple[str, str], Question] = {}
        self.started: list[Started] = []
        self.unsure: dict[str, Unsure] = {}
        self.takes_all = False
        self.at = Place(path, 1)
        self.modules: dict[str, Any] = {}
        self._trees = trees
        self._relative: dict[str, str] = {}
        release = ".".join(map(str, world.python))
        self._known |= {
            "sys.argv": self.argv,
            "sys.path": self.search,
            "sys.version": f"{release} (main, \0) [GCC \0]",
            "sys.executable": "\0/bin/python",
            "sys.byteorder": "little",
        }
        self._generators: list[list[Any]] = []

    # What is asked, and what is not known

    def ask(self, kind: Any, subject: str, default: str | None = None) -> None:
        """Note a question; the first place counts."""
        self.asked_for.setdefault((kind, subject), Question(kind, subject, self.at, default))

    def doubt(self, why: str) -> None:
        """Note what only a run would tell."""
        self.unsure.setdefault(why, Unsure(why, self.at))

    def decides(self, value: Any) -> bool | None:
        """Whether a condition holds: chosen, where it is not known."""
        if isinstance(value, (Partial, Lambda, Release, OpenFile, Super, OutsideMethod, Arguments)):
            return True
        if isinstance(value, (list, tuple)) and value and all(isinstance(v, Rest) for v in value):
            value = value[0]
        if isinstance(value, dict):
            return bool(value)
        if isinstance(value, str) and value and not value.strip("\0"):
            value = Unknown(ops.shown(value))
        if isinstance(value, Outside) and not value.is_module:
            if value.name.rpartition(".")[2][:1].isupper():
                return True  # a class or a constant that is there
            value = Unknown(value.name)
        known = truth(value) if not isinstance(value, ops.Match) else True
        if known is not None:
            return known
        why = value.why if isinstance(value, Unknown) and value.why else f"line {self.at.line}"
        return self.choices.choose(why, self.at)

    def misread(self, failure: Fails, frame: Frame) -> bool:
        """Exceptions end a build file."""
        return False

    def catches_now(self, failure: Fails) -> bool:
        """Whether a `try` around would take an exception."""
        return any(c is None or catches(c, failure) for every in self._guards for c in every)

    # Modules

    def import_module(self, name: str) -> Any:
        """The module of a dotted name. Raises Fails."""
        if name in self.modules:
            return self.modules[name]
        top = name.partition(".")[0]
        if top == "torch":
            self._import_torch(name)
        elif top in _THEIRS and self.build.modules.get(top) is False:
            self._third_party(top)
        elif top not in sys.stdlib_module_names and top not in _THEIRS:
            if (found := self._in_project(name)) is not None:
                return found
            self._third_party(top)
        elif top == "distutils" and self.build.python >= (3, 12):
            pass  # setuptools brings it
        for end in range(1, name.count(".") + 2):
            part = ".".join(name.split(".")[:end])
            self.modules.setdefault(part, Outside(part, is_module=True))
        return self.modules[name]

    def _import_torch(self, name: str) -> None:
        self.ask("torch", "torch")
        if self.build.torch is None:
            raise Fails(NO_MODULE, missing="torch", said="No module named 'torch'")
        if name.startswith("torch.utils.ffi"):
            raise Fails(IMPORT, said="torch.utils.ffi is deprecated.")

    def _third_party(self, top: str) -> None:
        there = self.build.modules.get(top)
        failure = Fails(NO_MODULE, missing=top, said=f"No module named '{top}'")
        if there is None and self.catches_now(failure):
            self.ask("module", top)
            there = self.choices.choose(f"{top} can be imported", self.at)
        if there is False:
            raise failure

    def _in_project(self, name: str) -> Any:
        """A module of the project, run; None where there is none."""
        module: Any = None
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            part = ".".join(parts[:end])
            if part in self.modules:
                module = self.modules[part]
            else:
                where = self.search if end == 1 else _folders(module)
                found = self._source(where, parts[end - 1])
                if found is None:
                    return None if end == 1 else UNKNOWN
                parent = module
                if found.endswith("/"):  # a folder without __init__.py
                    module = Module(part, "", part, names={"__path__": [found.rstrip("/")]})
                    self.modules[part] = module
                else:
                    module = self._run_module(part, found)
                if isinstance(parent, Module):
                    parent.names[parts[end - 1]] = module
        return module

    def _source(self, folders: Sequence[Any], name: str) -> str | None:
        for folder in folders:
            if not isinstance(folder, str) or hidden(folder):
                continue
            base = posixpath.normpath(posixpath.join(self.cwd, folder))
            for path in (f"{base}/{name}.py", f"{base}/{name}/__init__.py"):
                if self.files.exists(path):
                    return path
        for folder in folders:
            if isinstance(folder, str) and not hidden(folder):
                path = posixpath.normpath(posixpath.join(self.cwd, folder, name))
                names = self.files.names_in(path) or ()
                if any(n.endswith(".py") for n in names):
                    return f"{path}/"
        return None

    def _run_module(self, name: str, path: str, known: Module | None = None) -> Module:
        is_package = path.endswith("/__init__.py")
        package = name if is_package else name.rpartition(".")[0]
        module = known or Module(name, path, package)
        self.modules[name] = module
        module.names |= {"__file__": path, "__name__": name, "__package__": package}
        if is_package:
            module.names["__path__"] = [path.rpartition("/")[0]]
        tree = self.tree(path)
        if tree is None:
            self.doubt(f"what {self.relative(path)} does")
            return module
        with self.deeper():
            try:
                self.block(tree.body, Frame(module, module.names))
            except Fails:
                self.modules.pop(name, None)
                raise
        return module

    def tree(self, path: str) -> ast.Module | None:
        """A source of the project, parsed."""
        if path not in self._trees:
            text = self.files.text(path)
            if text is None or len(text) > 400_000:
                return None
            try:
                self._trees[path] = of_build_file(text)
            except NotPython:
                return None
        return self._trees[path]

    def relative(self, path: str) -> str:
        """A path as facts have it: relative to the project's root."""
        if path not in self._relative:
            below = posixpath.relpath(path, self.build.root) if path.startswith("/") else path
            self._relative[path] = below
        return self._relative[path]

    def top_of(self, name: str) -> Any:
        """The outermost package of an imported module."""
        return self.modules.get(name, UNKNOWN)

    def import_from(self, node: ast.ImportFrom, frame: Frame) -> None:
        """Run a `from` import. Raises Fails."""
        base = node.module or ""
        if node.level:
            above = frame.module.package.split(".")
            above = above[: len(above) - node.level + 1]
            if not above or not above[0]:
                raise Fails(IMPORT, said="attempted relative import with no known parent package")
            base = ".".join([*above, *([base] if base else [])])
        module = self.import_module(base)
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module, Module):
                    frame.names |= {k: v for k, v in module.names.items() if k[:1] != "_"}
                elif isinstance(module, Outside):
                    frame.module.names.setdefault("*", []).append(module.name)
                continue
            frame.names[alias.asname or alias.name] = self._from(module, base, alias.name)

    def _from(self, module: Any, base: str, name: str) -> Any:
        if isinstance(module, Module):
            if name in module.names:
                return module.names[name]
            if f"{base}.{name}" in self.modules or self._source(_folders(module), name):
                return self.import_module(f"{base}.{name}")
            return Unknown(f"{base}.{name}")
        if isinstance(module, Outside):
            return self._told(Outside(f"{module.name}.{name}"))
        return Unknown(f"{base}.{name}")

    def _on_import(self, node: ast.Import, frame: Frame) -> None:
        for alias in node.names:
            module = self.import_module(alias.name)
            top = alias.name.partition(".")[0]
            frame.names[alias.asname or top] = module if alias.asname else self.top_of(top)

    def whole_of(self, function: Function) -> AnyFunction | None:
        """The parameters and body of a function."""
        return function.node

    # Expressions

    def value(self, node: ast.expr | None, frame: Frame) -> Any:
        """What an expression yields, its texts with their places. Raises Fails."""
        if node is None:
            return None
        self.at = here = Place(self.relative(frame.module.path), node.lineno)
        found = super().value(node, frame)
        return ops.placed(found, here) if isinstance(node, _PLACED) else found

    def _of_name(self, node: ast.Name, frame: Frame) -> Any:
        found = frame.get(node.id)
        if isinstance(found, Outside):
            return self._told(found)
        if not isinstance(found, Unknown) or frame.has(node.id):
            if isinstance(found, Unknown) and node.id in _BUILTINS and not found.why:
                return Outside(node.id)
            return found
        for module in frame.module.names.get("*", ()):
            return self._told(Outside(f"{module}.{node.id}"))
        if self.catches_now(Fails(kinds_by_name("NameError"))):
            raise ops.raises("NameError", f"name '{node.id}' is not defined")
        return Unknown(node.id)

    def _told(self, name: Outside) -> Any:
        if name.name in self._known:
            return self._known[name.name]
        return self.constant(name)

    def constant(self, name: Outside) -> Any:
        """What a name outside stands for."""
        return name

    def _items(self, nodes: Sequence[ast.expr], frame: Frame) -> Iterator[Any]:
        for part in nodes:
            if isinstance(part, ast.Starred):
                yield from ops.elements(self.value(part.value, frame))
            else:
                yield self.value(part, frame)

    def _of_set(self, node: Any, frame: Frame) -> Any:
        return Bag.of(self._items(node.elts, frame))

    def _of_dict(self, node: ast.Dict, frame: Frame) -> Any:
        made: dict[Any, Any] = {}
        for key, held in zip(node.keys, node.values, strict=True):
            value = self.value(held, frame)
            if key is None:
                made |= value if isinstance(value, dict) else {Rest(ops.shown(value)): UNKNOWN}
                continue
            name = self.value(key, frame)
            made[name if ops.hashable(name) else Unknown("a key")] = value
        return made

    def _each(
        self, loops: Sequence[ast.comprehension], frame: Frame, rounds: int = _ROUNDS
    ) -> Iterator[None]:
        """Bind the names of a comprehension, one way after the other."""
        if not loops:
            yield
            return
        loop = loops[0]
        for value in self.rounds(ops.elements(self.value(loop.iter, frame)))[:rounds]:
            self.step()
            self.bind(loop.target, value, frame)
            if all(self.decides(self.value(test, frame)) for test in loop.ifs):
                yield from self._each(loops[1:], frame)

    def _of_listcomp(self, node: Any, frame: Frame) -> Any:
        inner = Frame(frame.module, {}, frame)
        found = []
        for _ in self._each(node.generators, inner):
            found.append(self.value(node.elt, inner))
            if len(found) > ops.MOST:
                raise TooMuch
        return found

    _of_generatorexp = _of_listcomp

    def _of_setcomp(self, node: ast.SetComp, frame: Frame) -> Any:
        return Bag.of(self._of_listcomp(node, frame))

    def _of_dictcomp(self, node: ast.DictComp, frame: Frame) -> Any:
        inner = Frame(frame.module, {}, frame)
        made: dict[Any, Any] = {}
        for _ in self._each(node.generators, inner):
            key = self.value(node.key, inner)
            made[key if ops.hashable(key) else Unknown("a key")] = self.value(node.value, inner)
        return made

    def _of_joinedstr(self, node: ast.JoinedStr, frame: Frame) -> Any:
        parts = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                spec = self.value(part.format_spec, frame) if part.format_spec else ""
                parts.append(ops.of_spec(self.value(part.value, frame), spec, part.conversion))
            else:
                parts.append(str(self.value(part, frame)))
        return ops.bounded("".join(parts))

    def _of_lambda(self, node: ast.Lambda, frame: Frame) -> Any:
        return Lambda(node, frame)

    def _of_starred(self, node: ast.Starred, frame: Frame) -> Any:
        return self.value(node.value, frame)

    def _of_yield(self, node: ast.Yield, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        if self._generators:
            self._generators[-1].append(value)
        return None

    def _of_yieldfrom(self, node: ast.YieldFrom, frame: Frame) -> Any:
        if self._generators:
            self._generators[-1].extend(ops.elements(self.value(node.value, frame)))
        return None

    def _of_await(self, node: ast.Await, frame: Frame) -> Any:
        return self.value(node.value, frame)

    def _of_binop(self, node: ast.BinOp, frame: Frame) -> Any:
        left, right = self.value(node.left, frame), self.value(node.right, frame)
        return self.operated(node.op, left, right)

    def operated(self, op: ast.operator, left: Any, right: Any) -> Any:
        """`left op right`, which costs as much as it is long."""
        if isinstance(left, (str, list)):
            self.steps += len(left) >> 6
        return ops.joined(op, left, right)

    def _of_unaryop(self, node: ast.UnaryOp, frame: Frame) -> Any:
        value = self.value(node.operand, frame)
        if isinstance(node.op, ast.Not):
            if isinstance(value, Unknown) and value.why:
                why = value.why
                return Unknown(why.removeprefix("not ") if why.startswith("not ") else f"not {why}")
            return not self.decides(value)
        number = isinstance(value, (int, float))
        return -value if number and isinstance(node.op, ast.USub) else Unknown(ops.shown(value))

    def _of_boolop(self, node: ast.BoolOp, frame: Frame) -> Any:
        ends, value = isinstance(node.op, ast.Or), UNKNOWN
        for part in node.values:
            value = self.value(part, frame)
            if part is not node.values[-1] and self.decides(value) is ends:
                # What was chosen to be true or false stands for that where it is asked again.
                return value
        return value

    def _of_compare(self, node: ast.Compare, frame: Frame) -> Any:
        values = [self.value(part, frame) for part in (node.left, *node.comparators)]
        found: Any = True
        for op, (left, right) in zip(node.ops, pairwise(values), strict=True):
            found = self._one_comparison(op, left, right)
            if found is False:
                return False
        return found

    def _one_comparison(self, op: ast.cmpop, left: Any, right: Any) -> Any:
        if isinstance(right, (list, str)):
            self.steps += len(right) >> 5
        if isinstance(op, (ast.In, ast.NotIn)):
            if isinstance(right, Outside) and right.name == "os.environ":
                if not isinstance(left, str) or hidden(left):
                    return Unknown(f"{ops.shown(left)} in os.environ")
                known = self.variable(left) is not None
                return known is isinstance(op, ast.In)
            if right is self.argv and isinstance(left, str):
                self.ask("argument", str(left))
            if isinstance(right, Raised):
                right = Text.at(right.failure.said, self.at)
        return ops.compared(op, left, right)

    def variable(self, name: str, default: Any = None) -> Any:
        """A variable of the environment, None where it is not set."""
        told = default if isinstance(default, str) and not hidden(default) else None
        self.ask("variable", str(name), str(told) if told is not None else None)
        if name in self.environ:
            return self.environ[name]
        return Unknown(f"${name}") if name in _SYSTEM else None

    def _of_ifexp(self, node: ast.IfExp, frame: Frame) -> Any:
        known = self.decides(self.value(node.test, frame))
        return self.value(node.body if known else node.orelse, frame)

    def _of_subscript(self, node: ast.Subscript, frame: Frame) -> Any:
        value = self.value(node.value, frame)
        if isinstance(node.slice, ast.Slice):
            return self._sliced(value, node.slice, frame)
        key = self.value(node.slice, frame)
        return self.item(value, key)

    def _sliced(self, value: Any, node: ast.Slice, frame: Frame) -> Any:
        ends = [self.value(part, frame) for part in (node.lower, node.upper, node.step)]
        if isinstance(value, PathText) or not isinstance(value, (str, list, tuple)):
            return Unknown(f"{ops.shown(value)}[:]")
        if not all(n is None or isinstance(n, int) for n in ends) or ends[2] == 0:
            return Unknown(f"{ops.shown(value)}[:]")
        if hidden(value) or any(isinstance(each, Rest) for each in value):
            return Rest(f"{ops.shown(value)}[:]") if not isinstance(value, str) else "\0"
        return (str(value) if isinstance(value, str) else value)[slice(*ends)]

    def item(self, value: Any, key: Any) -> Any:
        """`value[key]`. Raises Fails."""
        unknown = Unknown(f"{ops.shown(value)}[{ops.shown(key)}]")
        if isinstance(value, Outside) and value.name == "os.environ":
            return self._of_environ(key)
        if isinstance(value, dict):
            if not ops.hashable(key) or hidden(key):
                return unknown
            if key in value:
                return value[key]
            if any(isinstance(each, Unknown) for each in value):
                return unknown
            raise ops.raises("KeyError", ops.shown(key))
        if isinstance(value, ops.Match):
            return value.method("__getitem__", [key])
        whole = isinstance(value, (list, tuple)) and not any(isinstance(v, Rest) for v in value)
        if not (whole or (isinstance(value, str) and not hidden(value))):
            return unknown
        if not isinstance(key, int):
            return unknown
        if not -len(value) <= key < len(value):
            raise ops.raises("IndexError", "list index out of range")
        return value[key]

    def _of_environ(self, key: Any) -> Any:
        if not isinstance(key, str) or hidden(key):
            return Unknown("a variable")
        found = self.variable(key)
        if found is None:
            raise ops.raises("KeyError", repr(str(key)))
        return found

    def _of_attribute(self, node: ast.Attribute, frame: Frame) -> Any:
        return self.attribute_of(self.value(node.value, frame), node.attr)

    def attribute_of(self, owner: Any, name: str) -> Any:
        """`owner.name`. Raises Fails."""
        if isinstance(owner, Outside):
            return self._told(Outside(f"{owner.name}.{name}"))
        if isinstance(owner, Unknown):
            return Unknown(f"{owner.why or '?'}.{name}")
        if isinstance(owner, Super):
            return self._above(owner, name)
        if isinstance(owner, Release):
            return owner.attribute(name)
        if isinstance(owner, Arguments):
            return owner.values.get(name, Unknown(f"the option {name}"))
        if isinstance(owner, (Instance, Class)):
            return self._of_object(owner, name)
        if isinstance(owner, Raised):
            return Unknown(f"an exception's {name}")
        found = attribute(owner, name)
        if isinstance(owner, PathText) and isinstance(found, Unknown):
            return path_attribute(owner, name)
        if isinstance(owner, Module) and isinstance(found, Unknown):
            return Unknown(f"{owner.name}.{name}")
        return found

    def _of_object(self, owner: Any, name: str) -> Any:
        if name == "__class__" and isinstance(owner, Instance):
            return owner.of
        found = attribute(owner, name)
        if isinstance(found, Bound) and _decorated(found.function.node, "property"):
            return self.call(found, [], {})
        if not isinstance(found, Unknown) or found.why:
            return found
        kind = owner.of if isinstance(owner, Instance) else owner
        if base := self.outside_base(kind):
            return OutsideMethod(base, name, owner)
        return Unknown(f"{kind.name}.{name}")

    def outside_base(self, kind: Class) -> str:
        """The class outside that a class of the project is derived from; "" for none."""
        for each in kind.every():
            for base in each.bases:
                if isinstance(base, Partial):
                    base = base.called
                if isinstance(base, Outside) and base.name != "object":
                    return base.name
        return ""

    def _above(self, owner: Super, name: str) -> Any:
        order = owner.owner.of.every() if isinstance(owner.owner, Instance) else owner.above.every()
        after = order[order.index(owner.above) + 1 :] if owner.above in order else order[1:]
        for kind in after:
            if name in kind.names:
                found = kind.names[name]
                return Bound(found, owner.owner) if isinstance(found, Function) else found
        return OutsideMethod(self.outside_base(owner.above), name, owner.owner)

    # Calls

    def _of_call(self, node: ast.Call, frame: Frame) -> Any:
        owner: Any = None
        called: Any
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, frame)
            if _has_methods(owner):
                args, named = self._arguments(node, frame)
                return self.method(owner, node.func.attr, args, named)
            called = self.attribute_of(owner, node.func.attr)
        else:
            called = self.value(node.func, frame)
        args, named = self._arguments(node, frame)
        self.at = Place(self.relative(frame.module.path), node.lineno)
        return self.apply(called, args, named, frame)

    def _arguments(self, node: ast.Call, frame: Frame) -> tuple[list[Any], dict[Any, Any]]:
        args = list(self._items(node.args, frame))
        named: dict[Any, Any] = {}
        for given in node.keywords:
            value = self.value(given.value, frame)
            if given.arg is not None:
                named[given.arg] = value
            elif isinstance(value, dict):
                named |= {k: v for k, v in value.items() if isinstance(k, str)}
        return args, named

    def apply(self, called: Any, args: list[Any], named: dict[Any, Any], frame: Frame) -> Any:
        """A call of a value. Raises Fails."""
        if isinstance(called, Outside):
            return self.outside(called.name, args, named, frame)
        if isinstance(called, Partial):
            return self.apply(
                called.called, [*called.args, *args], {**called.named, **named}, frame
            )
        if isinstance(called, Lambda):
            given = self._given(called.node.args, called.frame, args, named)
            inner = Frame(called.frame.module, given, called.frame)
            with self.deeper():
                return self.value(called.node.body, inner)
        if isinstance(called, OutsideMethod):
            return self.base_method(called, args, named)
        if isinstance(called, Instance) and isinstance(attribute(called, "__call__"), Bound):
            return self.call(attribute(called, "__call__"), args, named)
        if isinstance(called, (Function, Bound, Class)):
            return self.call(called, args, named)
        shown = ", ".join(map(ops.shown, args))
        return Unknown(f"{ops.shown(called)}({shown})")

    def call(self, called: Function | Bound | Class, args: list[Any], named: dict[Any, Any]) -> Any:
        """Run a function or make an object of the project's. Raises Fails."""
        if isinstance(called, Class):
            if isinstance(called, ExtensionClass):
                return Unknown("an extension")
            made = Instance(called)
            fields = called.find("__fields__")
            if isinstance(fields, list):
                for name in fields:
                    held = called.find(name)
                    made.names[name] = Unknown(name) if isinstance(held, Unknown) else held
                made.names |= {**dict(zip(fields, args, strict=False)), **named}
                return made
            start = self._of_object(made, "__init__")
            if isinstance(start, (Bound, OutsideMethod)):
                self.apply(start, args, named, Frame(Module("", "", ""), {}))
            return made
        function = called.function if isinstance(called, Bound) else called
        return self._run_body(function, called, args, named)

    def _run_body(
        self,
        function: Function,
        called: Function | Bound,
        args: list[Any],
        named: dict[Any, Any],
    ) -> Any:
        args = [called.owner, *args] if isinstance(called, Bound) else args
        node = function.node
        frame = Frame(
            function.frame.module,
            self._given(node.args, function.frame, args, named),
            function.frame,
        )
        frame.names |= {"__function__": function}
        makes = self._makes(node)
        if makes:
            self._generators.append([])
        back, result = self.at, None
        with self.deeper():
            try:
                self.block(node.body, frame)
            except Return as returned:
                result = returned.value
            finally:
                self.at = back
                made = self._generators.pop() if makes else None
        return made if makes else result

    def _makes(self, node: AnyFunction) -> bool:
        if node not in self._yield:
            every = (n for part in node.body for n in ast.walk(part))
            self._yield[node] = any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in every)
        return self._yield[node]

    def _given(
        self, given: ast.arguments, around: Frame, args: list[Any], named: dict[Any, Any]
    ) -> dict[str, Any]:
        local = super()._given(given, around, args, named)
        names = [a.arg for a in (*given.posonlyargs, *given.args)]
        for at, name in enumerate(names):
            if at >= len(args) and name not in named and isinstance(local[name], Unknown):
                local[name] = local[name] if local[name].why else Unknown(name)
        if given.vararg is None and any(isinstance(a, Rest) for a in args):
            local |= {name: Unknown(name) for name in names}
        if given.kwarg:
            local[given.kwarg.arg] = {k: v for k, v in named.items() if k not in local}
        return local

    def base_method(self, called: OutsideMethod, args: list[Any], named: dict[Any, Any]) -> Any:
        """A method that a class outside the project has. Raises Fails."""
        return Unknown(f"{called.name}.{called.method}()")

    def method(self, owner: Any, name: str, args: list[Any], named: dict[Any, Any]) -> Any:
        """A call of a method of a plain value. Raises Fails."""
        if isinstance(owner, dict):
            return ops.dict_method(owner, name, args, named)
        if isinstance(owner, list):
            if owner is self.argv and name == "remove" and args and isinstance(args[0], str):
                self.ask("argument", str(args[0]))
            self.steps += len(owner) >> 5
            return ops.list_method(owner, name, args, named)
        if isinstance(owner, tuple):
            return ops.list_method(list(owner), name, args, named)
        if isinstance(owner, ops.Match):
            return owner.method(name, args)
        if isinstance(owner, str) and not isinstance(owner, PathText):
            self.steps += len(owner) >> 6
            return ops.text_method(owner, name, args, named)
        return self.of_value(owner, name, args)

    # Statements

    def block(self, body: Sequence[ast.stmt], frame: Frame) -> None:
        """Run statements. Raises Fails, Return, Leaves."""
        for statement in body:
            self.at = Place(self.relative(frame.module.path), statement.lineno)
            super().block((statement,), frame)

    def bind(self, target: ast.expr, value: Any, frame: Frame) -> None:
        """Assign to a name, an attribute or an item."""
        if isinstance(target, (ast.Tuple, ast.List)):
            self._spread(target.elts, value, frame)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value, frame)
            if isinstance(owner, (Module, Instance, Class)):
                owner.names[target.attr] = value
            elif isinstance(owner, Outside):
                self._known[f"{owner.name}.{target.attr}"] = value
            elif isinstance(owner, OutsideMethod):
                pass
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value, frame)
            if isinstance(target.slice, ast.Slice):
                if isinstance(owner, list):
                    owner[:] = ops.elements(value)
                return
            self._set_item(owner, self.value(target.slice, frame), value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, frame)
        elif isinstance(target, ast.Name) and target.id in frame.names.get("__nonlocal__", ()):
            above = frame.above
            while above is not None and target.id not in above.names:
                above = above.above
            (above or frame).names[target.id] = value
        else:
            super().bind(target, value, frame)

    def _spread(self, targets: Sequence[ast.expr], value: Any, frame: Frame) -> None:
        values: list[Any] = ops.elements(value)
        star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
        if any(isinstance(each, Rest) for each in values):
            why = ops.shown(value)
            values = [Unknown(f"{why}[{i}]") for i in range(len(targets))]
            if star is not None:
                values[star] = [Rest(why)]
        elif star is not None and len(values) >= len(targets) - 1:
            end = len(values) - (len(targets) - star - 1)
            values = [*values[:star], values[star:end], *values[end:]]
        elif len(values) != len(targets):
            raise ops.raises("ValueError", "cannot unpack: another number of values")
        for target, each in zip(targets, values, strict=False):
            self.bind(target, each, frame)

    def _set_item(self, owner: Any, key: Any, value: Any) -> None:
        if isinstance(owner, Outside) and owner.name == "os.environ":
            self.set_variable(key, value)
        elif isinstance(owner, dict):
            owner[key if ops.hashable(key) else Unknown("a key")] = value
        elif isinstance(owner, list) and isinstance(key, int) and -len(owner) <= key < len(owner):
            owner[key] = value

    def set_variable(self, name: Any, value: Any) -> None:
        """`os.environ[name] = value`; None unsets it."""
        if not isinstance(name, str) or hidden(name):
            return
        text = str(value) if isinstance(value, str) else None
        if value is None:
            self.environ.pop(str(name), None)
        else:
            self.environ[str(name)] = text if text is not None else "\0"
        place = value.place if isinstance(value, Text) and value.place == self.at else self.at
        shown = "\0" if value is not None and text is None else text
        self.writes.append(EnvironmentWrite(str(name), shown, place))

    def _on_augassign(self, node: ast.AugAssign, frame: Frame) -> None:
        load = _loaded(node.target)
        held, value = self.value(load, frame), self.value(node.value, frame)
        if isinstance(held, list) and isinstance(node.op, ast.Add) and not isinstance(held, Bag):
            if len(held) < ops.MOST:
                held.extend(ops.elements(value))
            self.bind(node.target, held, frame)
            return
        made = self.operated(node.op, held, value)
        self.bind(node.target, ops.placed(made, self.at), frame)

    def _on_nonlocal(self, node: ast.Nonlocal, frame: Frame) -> None:
        frame.names.setdefault("__nonlocal__", set()).update(node.names)

    def _on_delete(self, node: ast.Delete, frame: Frame) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                frame.names.pop(target.id, None)
            elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
                owner, key = self.value(target.value, frame), self.value(target.slice, frame)
                if isinstance(owner, Outside) and owner.name == "os.environ":
                    self.set_variable(key, None)
                elif isinstance(owner, dict) and ops.hashable(key):
                    owner.pop(key, None)
                elif (
                    isinstance(owner, list)
                    and isinstance(key, int)
                    and -len(owner) <= key < len(owner)
                ):
                    del owner[key]

    def _on_functiondef(self, node: ast.FunctionDef, frame: Frame) -> None:
        for decorator in node.decorator_list:
            self.value(decorator, frame)
        frame.names[node.name] = Function(node, frame)

    def _on_classdef(self, node: ast.ClassDef, frame: Frame) -> None:
        super()._on_classdef(node, frame)
        if isinstance(frame.names[node.name], Unknown):
            bare = ast.ClassDef(node.name, node.bases, [], node.body, [])
            super()._on_classdef(ast.copy_location(bare, node), frame)
        kind = frame.names[node.name]
        made = [*node.decorator_list, *node.bases]
        names = {(dotted_name(getattr(d, "func", d)) or "").rpartition(".")[2] for d in made}
        if isinstance(kind, Class) and names & {"dataclass", "NamedTuple"}:
            rows = [row for row in node.body if isinstance(row, ast.AnnAssign)]
            kind.names["__fields__"] = [r.target.id for r in rows if isinstance(r.target, ast.Name)]

    def _on_while(self, node: ast.While, frame: Frame) -> None:
        for _ in range(_ROUNDS):
            test = self.value(node.test, frame)
            known = truth(test) if not isinstance(test, Unknown) else None
            if not (self.decides(test) if known is None else known):
                break
            try:
                self.block(node.body, frame)
            except Leaves as leaves:
                if leaves.ends:
                    return
            if known is None:
                return
        self.block(node.orelse, frame)

    def _on_for(self, node: ast.For, frame: Frame) -> None:
        every = self.value(node.iter, frame)
        values = self.read_lines(every) if isinstance(every, OpenFile) else ops.elements(every)
        for value in self.rounds(values)[:_ROUNDS]:
            self.bind(node.target, value, frame)
            try:
                self.block(node.body, frame)
            except Leaves as leaves:
                if leaves.ends:
                    return
        self.block(node.orelse, frame)

    def rounds(self, values: list[Any]) -> list[Any]:
        """What a loop goes through; where only that is unknown, once or never."""
        if len(values) == 1 and isinstance(values[0], Rest):
            return values if self.choices.choose(f"{values[0].why} are there", self.at) else []
        return values

    def read_lines(self, file: OpenFile) -> list[Any]:
        """The lines of a file."""
        if file.text is None:
            return [Rest(f"{self.relative(file.path)}")]
        return [Text.at(line, self.at) for line in file.text.splitlines(keepends=True)]

    def _on_match(self, node: Any, frame: Frame) -> None:
        subject = self.value(node.subject, frame)
        for case in node.cases:
            if self._fits(case.pattern, subject, frame) and (
                case.guard is None or self.decides(self.value(case.guard, frame))
            ):
                self.block(case.body, frame)
                return

    def _fits(self, pattern: Any, subject: Any, frame: Frame) -> bool:
        if isinstance(pattern, ast.MatchValue):
            wanted = self.value(pattern.value, frame)
            return bool(self.decides(ops.compared(ast.Eq(), subject, wanted)))
        if isinstance(pattern, ast.MatchOr):
            return any(self._fits(each, subject, frame) for each in pattern.patterns)
        if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
            if pattern.name:
                frame.names[pattern.name] = subject
            return True
        return self.choices.choose(f"{ops.shown(subject)} matches", self.at)

    def _on_with(self, node: ast.With, frame: Frame) -> None:
        taken: set[str] | None = set()
        for item in node.items:
            value = self.value(item.context_expr, frame)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value, frame)
            if isinstance(value, Partial) and value.called == "suppress":
                taken = classes_of(value.args)
        if not taken:
            self.block(node.body, frame)
            return
        self._guards.append([taken])
        try:
            self.block(node.body, frame)
        except Fails as failure:
            if not catches(taken, failure):
                raise
        finally:
            self._guards.pop()

    def _on_assert(self, node: ast.Assert, frame: Frame) -> None:
        if not self.decides(self.value(node.test, frame)):
            said = self.value(node.msg, frame) if node.msg else ast.unparse(node.test)[:120]
            raise ops.raises("AssertionError", _message(said))

    def _on_raise(self, node: ast.Raise, frame: Frame) -> None:
        around = frame.last
        if node.exc is None:
            raise around.again(around.kinds) if around else ops.raises("Exception", "")
        made = node.exc
        args: list[Any] = []
        if isinstance(made, ast.Call):
            kind = self.value(made.func, frame)
            args = [self.value(arg, frame) for arg in made.args]
        else:
            kind = self.value(made, frame)
        if isinstance(kind, Raised):
            raise kind.failure.again(kind.failure.kinds)
        kinds = kinds_of(kind) or kinds_by_name("Exception")
        missing = around.missing if around is not None else ""
        raise Fails(kinds, missing=missing, said=_message(args[0] if args else ""))


_SYSTEM = frozenset(
    [
        "HOME",
        "USER",
        "LOGNAME",
        "PATH",
        "PWD",
        "SHELL",
        "TERM",
        "TMPDIR",
        "TEMP",
        "TMP",
        "LANG",
        "HOSTNAME",
        "EDITOR",
        "USERPROFILE",
    ]
)


def _message(value: Any) -> str:
    text = ops.text_of(value) if not isinstance(value, (list, tuple)) else ops.shown(value)
    return text.replace("\0", "…")[:400]


def _folders(module: Any) -> list[Any]:
    return list(module.names.get("__path__", ())) if isinstance(module, Module) else []


def _decorated(node: AnyFunction, name: str) -> bool:
    return any((dotted_name(d) or "").rpartition(".")[2] == name for d in node.decorator_list)


def _has_methods(owner: Any) -> bool:
    return isinstance(owner, (str, list, tuple, dict, OpenFile, ops.Match, Arguments, Spec))


def _loaded(target: ast.expr) -> ast.expr:
    """The same place, read."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return target
