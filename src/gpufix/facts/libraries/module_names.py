"""Names that a module of the patient does not have, although another one asks for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from posixpath import dirname

from gpufix.facts.libraries.modules import Modules, files_below
from gpufix.files import read_whole
from gpufix.knowledge import families
from gpufix.knowledge.data_table import at_least
from gpufix.knowledge.families import Gone
from gpufix.source.python.asked_of_modules import bound_names, star_imports
from gpufix.source.python.import_world import Found
from gpufix.source.python.tree import NotPython, parsed

# A module that holds one of these may have names that no statement of it binds.
_MAKES = re.compile(
    r"(?<![.\w])(?<!def )(?:(?:globals|locals|exec|eval)\(|vars\(\))|\bsys\.modules(?:\[[^\]]*\]\s*=(?!=)|\.(?:update|setdefault)\()"
    r"|\b__dict__(?:\[[^\]]*\]\s*=(?!=)|\.(?:update|setdefault)\()"
)
# One of these is in what that finds.
_MAKERS = ("globals(", "locals(", "exec(", "eval(", "vars()", "sys.modules", "__dict__")
# The modules of a package that does so may lie elsewhere than in its folder.
_MOVES = re.compile(r"\b__path__(?:[ \t]*=(?!=)|\.(?:append|extend|insert)\()")
_SETS = re.compile(r"\bsetattr\(\s*(\w+)")
_LOADS = re.compile(r"\b(?:import_module|__import__|getmodule)\(|\bsys\.modules\b")
_GETS = re.compile(r"\b__getattr__\b")
# Deprecated names are listed in the text: jax's own helper, and its like.
_DEPRECATED = re.compile(r"^[ \t]*__getattr__\s*=\s*[\w.]*deprecat\w*\(", re.MULTILINE)
# transformers: its names stand in a table, or in what lies in models/. The table is a part of the text.
_LAZY = re.compile(
    r"\bsys\.modules\[__name__\]\s*=\s*_LazyModule\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
)
_STRUCTURE = "define_import_structure("
_EXPIRED = "_expired_attrs_2_0.py"  # NumPy's own list of what it has no more
_OF_MODULES = {
    "__builtins__", "__cached__", "__dict__", "__doc__", "__file__", "__loader__", "__name__",
    "__package__", "__path__", "__spec__", "__getattr__", "__class__",
}  # fmt: skip
_LAST_WORD = re.compile(r"[A-Z][a-z0-9]*\Z")
_SUFFIXES = (".py", ".pyi", ".so")
_FILES, _BYTES = 6_000, 128 << 20  # of one package, in which a name is looked for
_STARS = 20  # modules that one takes all names of


class _Source:
    """A module's text, and what of it decides, found once."""

    def __init__(self, module: str, text: str, is_package: bool) -> None:
        self._module, self.text, self.is_package = module, text, is_package

    @cached_property
    def stars(self) -> list[str]:
        """The modules of which it takes every name."""
        above = self._module.rpartition(".")[0]
        return star_imports(self.text, self._module if self.is_package else above)

    @cached_property
    def plain(self) -> str:
        """Without transformers' table; what lies in models/ is in none."""
        has_table = "_LazyModule(" in self.text and _STRUCTURE not in self.text
        return _LAZY.sub("", self.text) if has_table else self.text

    @cached_property
    def deprecates(self) -> bool:
        return "__getattr__" in self.text and _DEPRECATED.search(self.text) is not None

    @cached_property
    def makes(self) -> bool:
        return _makes(self.plain, self._module.partition(".")[0])

    @cached_property
    def gets(self) -> bool:
        return "__getattr__" in self.plain and _GETS.search(self.plain) is not None

    @cached_property
    def moves(self) -> bool:
        return "__path__" in self.text and _MOVES.search(self.text) is not None

    @cached_property
    def _bound(self) -> frozenset[str] | None:
        try:
            return bound_names(self.text)
        except NotPython:
            return None

    def may_bind(self, name: str) -> bool:
        return _may_bind(self.text, name)

    def is_bound(self, name: str) -> bool:
        """By a statement; so may one be in what is not Python."""
        return name in self.text and (self._bound is None or name in self._bound)


class ModuleNames:
    """Tells what is certain: a name that a statement, a file or compiled code may make is not lacked."""

    def __init__(self, modules: Modules, versions: Mapping[str, str] | None = None) -> None:
        """`versions`: of the distributions here, by name."""
        self.modules, self._versions = modules, versions or {}
        self._lacks: dict[tuple[str, str, bool], bool] = {}
        self._maybe: dict[str, str] = {}  # by dotted name
        self._sources: dict[str, _Source] = {}  # by module
        self.lost: set[tuple[str, str]] = set()  # what was asked for in vain

    def in_vain(self, dotted: str) -> bool:
        """Whether "jax.random.KeyArray" asks a module for a name that it lacks; that is remembered."""
        asked = self.split(dotted)
        if asked is None or not self.lacks(*asked):
            return False
        self.lost.add(asked)
        return True

    def maybe_in_vain(self, dotted: str) -> str:
        """The name that a module may lack, by its own text: whether other files set it is not looked up."""
        if dotted not in self._maybe:
            asked = self.split(dotted)
            lacks = asked is not None and self._is_lacking(*asked, sure=False)
            self._maybe[dotted] = asked[1] if asked and lacks else ""
        return self._maybe[dotted]

    def lacks(self, module: str, name: str) -> bool:
        """Whether `from module import name` and `module.name` fail, as far as the package's own files tell."""
        return self._is_lacking(module, name)

    def tells(self, top: str) -> bool:
        """Whether a package may be told to lack a name: of Python's own library, few do."""
        found = self.modules.find(top)
        if found is None:
            return False
        return found.kind in ("source", "namespace") or top in self._that_lost

    @cached_property
    def _that_lost(self) -> frozenset[str]:
        return frozenset(name.partition(".")[0] for name in self.modules.lost)

    def split(self, dotted: str) -> tuple[str, str] | None:
        """Of "jax.random.KeyArray" the innermost module and the name that is asked of it."""
        parts = dotted.split(".")
        for end in range(len(parts) - 1, 0, -1):
            if self.modules.find(".".join(parts[:end])) is not None:
                return ".".join(parts[:end]), parts[end]
        return None

    def _is_lacking(self, module: str, name: str, sure: bool = True) -> bool:
        """`sure`: other files of the package are searched for it as well."""
        if (module, name, sure) not in self._lacks:
            self._lacks[module, name, sure] = self._lacking(module, name, sure, set())
        return self._lacks[module, name, sure]

    def _lacking(self, module: str, name: str, sure: bool, stars: set[str]) -> bool:
        """`stars`: the modules that were asked before, by `import *` of each other."""
        if module in stars or self.modules.has_lost(f"{module}.{name}"):
            return True
        found = self.modules.find(module)
        if found is None or name in _OF_MODULES or self.modules.shows_less:
            return False
        stars.add(module)
        if len(stars) > _STARS:
            return False
        if self._is_moved(module):
            return False
        if self.modules.find(f"{module}.{name}") is not None or found.kind != "source":
            # Of a package without __init__.py, modules are all that there is; cuda.__version__ is given to it.
            absent = self.modules.find(f"{module}.{name}") is None
            return found.kind == "namespace" and absent and not name.startswith("__")
        try:
            source = self._source(module, found)
        except (OSError, ValueError):
            return False
        if source.deprecates and self._is_withdrawn(source, name):
            return True
        if source.may_bind(name) or (sure and source.is_bound(name)):
            return False
        if module == "numpy" and name in self._expired(found.path):
            return True
        if source.makes or (source.gets and not source.deprecates):
            # transformers makes T5TokenizerFast of T5Tokenizer: a row must say that the name is gone, too.
            row = families.gone(f"{module}.{name}")
            if row is not None:
                return not sure or self._is_since(row) or self._is_unnamed(module, source, name)
            seen, stem = families.gone_name(f"{module}.{name}"), _LAST_WORD.sub("", name)
            return (
                seen is not None
                and self._is_since(seen)
                and (
                    not sure
                    or all(self._is_unnamed(module, source, one) for one in (name, stem) if one)
                )
            )
        if source.gets and re.search(rf"\b{name}\b", source.plain):
            return False
        none = all(
            self.modules.lacks(other) or self._lacking(other, name, sure, stars)
            for other in source.stars
        )
        if not none or not sure:
            return none
        return not self.modules.is_aliased(f"{module}.{name}") and not self._is_set(module, name)

    def _source(self, module: str, found: Found) -> _Source:
        if module not in self._sources:
            text = self.modules.text(found.path)
            self._sources[module] = _Source(module, text, found.is_package)
        return self._sources[module]

    def _is_moved(self, module: str) -> bool:
        """Whether a package around it has modules looked for elsewhere: TensorFlow's are in tensorflow._api."""
        while module := module.rpartition(".")[0]:
            found = self.modules.find(module)
            try:
                if found and found.kind == "source" and self._source(module, found).moves:
                    return True
            except (OSError, ValueError):
                return True
        return False

    def _is_since(self, row: Gone) -> bool:
        """Whether the release that is here is one that a row says to be without the name."""
        version = self._versions.get(row.distribution)
        return bool(row.until) and version is not None and at_least(version, row.until)

    def _is_withdrawn(self, source: _Source, name: str) -> bool:
        """Whether jax's table of deprecated names says that one has no object any more, and nothing binds it."""
        if name not in source.text or source.is_bound(name):
            return False
        for table in parsed(source.text).body:
            value = table.value if isinstance(table, (ast.Assign, ast.AnnAssign)) else None
            pairs = (
                zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
            )
            for key, entry in pairs:
                if isinstance(key, ast.Constant) and key.value == name:
                    last = entry.elts[-1] if isinstance(entry, ast.Tuple) and entry.elts else None
                    return isinstance(last, ast.Constant) and last.value is None
        return False

    def _expired(self, path: str) -> Collection[str]:
        """The keys of NumPy's table."""
        try:
            tree = parsed(self.modules.text(f"{dirname(path)}/{_EXPIRED}"))
        except (OSError, ValueError, NotPython):
            return ()
        tables = (node.value for node in tree.body if isinstance(node, ast.Assign))
        keys = (key for table in tables if isinstance(table, ast.Dict) for key in table.keys)
        return {str(key.value) for key in keys if isinstance(key, ast.Constant)}

    def _is_set(self, module: str, name: str) -> bool:
        """Whether another file of the package sets it from outside."""
        last = module.rpartition(".")[2]
        dotted, plain = f"{last}.{name}".encode(), name.encode()
        # Apart, since a pattern that begins with a choice takes ten times as long.
        assigns = re.compile(rf"{last}\.{name}(?<=\b{last}\.{name})\s*=(?!=)".encode())
        sets = re.compile(rf"setattr\(\s*[\w.]*\b{last}\s*,\s*['\"]{name}\b".encode())

        def holds(data: bytes) -> bool:
            if dotted in data and assigns.search(data):
                return True
            return b"setattr(" in data and plain in data and sets.search(data) is not None

        return not self._no_file(module, holds, (".py",))

    def _is_unnamed(self, module: str, source: _Source, name: str) -> bool:
        """Whether no file that a module may take its names from holds the word."""
        plain = name.encode()
        word = re.compile(rb"(?<![A-Za-z0-9_])%s(?![A-Za-z0-9_])" % plain)

        def holds(data: bytes) -> bool:
            return plain in data and word.search(data) is not None

        if not source.is_package:  # what is not in it can come from a table of its own alone
            return re.search(rf"(?<![\w.]){name}(?!\w)", source.plain) is None
        inner = "models" if _STRUCTURE in source.plain else ""
        return not holds(source.plain.encode()) and self._no_file(module, holds, _SUFFIXES, inner)

    def _no_file(
        self,
        module: str,
        holds: Callable[[bytes], bool],
        suffixes: tuple[str, ...],
        inner: str = "",
    ) -> bool:
        top = self.modules.find(module.partition(".")[0])
        if top is None or not top.is_package or not top.path:
            return False
        left = _BYTES
        for count, path in enumerate(files_below(f"{dirname(top.path)}/{inner}", suffixes)):
            try:
                data = read_whole(path, left)
            except (OSError, ValueError):
                return False
            left -= len(data)
            if count >= _FILES or left <= 0 or holds(data):
                return False
        return True


def _makes(text: str, top: str) -> bool:
    """Whether the module may get names that no statement binds; setattr sets them where its object may be one of its package."""
    if any(word in text for word in _MAKERS) and _MAKES.search(text):
        return True
    objects = {found[1] for found in _SETS.finditer(text)} if "setattr(" in text else ()
    return bool(objects) and (
        _LOADS.search(text) is not None or any(_imports(text, one, top) for one in objects)
    )


def _imports(text: str, name: str, top: str) -> bool:
    """Whether a name is imported from the package itself: to set one of torch's sets nothing here."""
    own = rf"(?=\.|{top}\b)"
    listed = rf"from[ \t]+{own}[^\n]*?\bimport\b(?:[^()\n]*|[ \t]*\([^)]*)"
    statement = rf"^[ \t]*(?:{listed}|import[ \t]+{own}[^\n]*)\b{name}\b"
    return re.search(statement, text, re.MULTILINE) is not None


_BINDERS = ("def", "class", "as", "for", "import", "global")
_BOUND = re.compile(r"[ \t]*(?:=(?!=)|:(?!=)|,)")
_TO_END = re.compile(r"[ \t]*\)?$", re.MULTILINE)
_INDENT = 80  # characters before a name that are looked at


def _may_bind(text: str, name: str) -> bool:
    """Whether the name stands where one is bound; cheaper than to parse, and never too strict."""
    at = text.find(name)
    while at >= 0:
        if _binds_at(text, at, at + len(name)):
            return True
        at = text.find(name, at + 1)
    return False


def _binds_at(text: str, at: int, end: int) -> bool:
    before, after = text[max(0, at - _INDENT) : at], text[end : end + 1]
    if after in ("'", '"') and before[-1:] in ("'", '"'):
        return True
    if _word(after):
        return False
    if _is_binder(before) or (not _word(before[-1:]) and _BOUND.match(text, end)):
        return True
    alone = not before.rpartition("\n")[2].strip(" \t") and ("\n" in before or at <= _INDENT)
    return alone and _TO_END.match(text, end) is not None


def _is_binder(before: str) -> bool:
    """Whether a word that follows this is bound by it."""
    stripped = before.rstrip(" \t")
    if stripped.endswith(","):
        return True
    word = next((one for one in _BINDERS if stripped.endswith(one)), "")
    return bool(word) and stripped != before and not _word(stripped.removesuffix(word)[-1:])


def _word(character: str) -> bool:
    return character.isalnum() or character == "_"
