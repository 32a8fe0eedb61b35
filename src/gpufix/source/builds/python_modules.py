"""The modules that a Python build file imports: the project's are run."""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Sequence
from typing import Any

from gpufix.source.builds.python_choices import BuildCore
from gpufix.source.builds.python_values import (
    hidden,
)
from gpufix.source.python.import_values import (
    UNKNOWN,
    AnyFunction,
    Frame,
    Function,
    Module,
    Outside,
    Unknown,
)
from gpufix.source.python.import_world import (
    IMPORT,
    NO_MODULE,
    Fails,
)
from gpufix.source.python.tree import NotPython, of_build_file

_THEIRS = frozenset({"torch", "setuptools", "wheel", "pip", "numpy", "packaging", "pkg_resources"})
_ASKED = frozenset({"numpy", "packaging"})  # of these, those that no build environment brings


class WithModules(BuildCore):
    """Runs modules of the project, and knows which others are there."""

    def import_module(self, name: str) -> Any:
        """The module of a dotted name. Raises Fails."""
        if name in self.modules:
            return self.modules[name]
        top = name.partition(".")[0]
        if top == "torch":
            self._import_torch(name)
        elif top in _ASKED or (top in _THEIRS and self.build.modules.get(top) is False):
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
        if there is None:
            self.ask("module", top)
            if self.catches_now(failure):
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


def _folders(module: Any) -> list[Any]:
    return list(module.names.get("__path__", ())) if isinstance(module, Module) else []
