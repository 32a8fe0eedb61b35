"""Which tests import a module, nearest first. Imports are read, nothing is run.

Nearly every test reaches nearly every module by some chain of imports: what is far away kills little
that the near tests have let live, and costs most of the time. So the nearest files alone count.
Rules and fixes are found by the names that they are declared with, `@rule("SYM402", …)`, and seldom
imported: a test that says SYM402 uses the module.
"""

from __future__ import annotations

import ast
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from mutation.texts import Texts, digest

_NAME = re.compile(r"[\w-]+")


class Imports:
    """The imports among the modules below `source`, and from the tests to them; paths from the root."""

    def __init__(self, texts: Texts, source: str, tests: str, apart: Iterable[str] = ()) -> None:
        """`apart`: tests that count only where they are asked for."""
        self._texts, self._source, self._tests, self._apart = texts, source, tests, set(apart)

    def nearest(self, module: str, most: int, also: Sequence[str] = ()) -> list[str]:
        """The files of tests of a module; `also`: those that reach it in a subprocess."""
        reached = self._distances(module).items()
        found = {test: far for test, far in reached if _is_test(test) and test not in self._apart}
        found |= {test: min(found.get(test, 2), 2) for test in also}
        names = {Path(module).stem, Path(module).stem.partition("_")[0]}
        folders = set(Path(module).parts)

        def order(test: str) -> tuple[int, bool, bool, str]:
            words, folder = Path(test).stem.removeprefix("test_"), Path(test).parent.name
            named = any(name in words for name in names)
            return found[test], not named, folder not in folders, test

        return sorted(found, key=order)[:most]

    def digest(self, test: str) -> str:
        """Of a test file with its helpers and conftests."""
        paths = sorted(self._reached(test))
        return digest(part for path in paths for part in (path.encode(), self._texts[path]))

    def _reached(self, test: str) -> set[str]:
        """The file and all of the tests' own that it imports."""
        found, waiting = {test}, [test]
        while waiting:
            for other in self._edges[waiting.pop()]:
                if other.startswith(f"{self._tests}/") and other not in found:
                    found.add(other)
                    waiting.append(other)
        return found

    def _distances(self, module: str) -> dict[str, int]:
        """How many imports lead to the module, from everywhere."""
        found, queue = {module: 0}, deque([module])
        while queue:
            here = queue.popleft()
            for importer in self._importers.get(here, ()):
                if importer not in found:
                    found[importer] = found[here] + 1
                    queue.append(importer)
        return found

    @cached_property
    def _edges(self) -> dict[str, set[str]]:
        modules = {_dotted(path, self._source): path for path in self._below(self._source)}
        helpers = {Path(path).stem: path for path in self._below(self._tests)}
        edges, declared = {}, {}
        for path in modules.values():
            tree = ast.parse(self._texts[path])
            edges[path] = {modules[n] for n in _imported(tree) if n in modules}
            declared |= dict.fromkeys(_declared(tree), path)
        for path in self._below(self._tests):
            text = self._texts[path]
            wanted = list(_imported(ast.parse(text)))
            said = set(_NAME.findall(text.decode())) & declared.keys()
            here = {modules[n] for n in wanted if n in modules} | {declared[name] for name in said}
            here |= {helpers[n] for n in wanted if n in helpers} | set(self._conftests(path))
            edges[path] = here
        return edges

    @cached_property
    def _importers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for importer, wanted in self._edges.items():
            for module in wanted:
                found.setdefault(module, set()).add(importer)
        return found

    def _below(self, folder: str) -> list[str]:
        return [path for path in self._texts if path.startswith(f"{folder}/")]

    def _conftests(self, test: str) -> Iterator[str]:
        paths = (str(folder / "conftest.py") for folder in Path(test).parents)
        return (path for path in paths if path in self._texts and path != test)


def _is_test(path: str) -> bool:
    return Path(path).name.startswith("test_")


def _dotted(path: str, source: str) -> str:
    parts = Path(path).relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.Module) -> Iterator[str]:
    """The modules that a file imports; of `from a import b`, both a and a.b, which may be one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _declared(tree: ast.Module) -> Iterator[str]:
    """The first strings of a module's decorators."""
    for node in tree.body:
        for decorator in getattr(node, "decorator_list", ()):
            first = decorator.args[:1] if isinstance(decorator, ast.Call) else []
            yield from (x.value for x in first if isinstance(x, ast.Constant))
