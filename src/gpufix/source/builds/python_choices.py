"""What a run of a Python build file asks for, and which way it goes where nobody knows."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from gpufix.source.builds import python_methods as methods
from gpufix.source.builds import python_operations as ops
from gpufix.source.builds.copied_files import WithCopies
from gpufix.source.builds.python_values import (
    Arguments,
    Lambda,
    OpenFile,
    OutsideMethod,
    Partial,
    Release,
    Rest,
    Super,
)
from gpufix.source.builds.run import EnvironmentWrite, Place, Question, Started, Unsure
from gpufix.source.builds.world import BuildWorld
from gpufix.source.python.import_guards import catches
from gpufix.source.python.import_statements import Statements
from gpufix.source.python.import_values import (
    Frame,
    Outside,
    Unknown,
    truth,
)
from gpufix.source.python.import_world import (
    Fails,
)

STEPS = 60_000  # statements and expressions of one way through a file


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


class _Surroundings:
    """Those of a build file: it is not asked for names that installed packages lack, nor for their folders."""

    known: Mapping[str, Any] = {}

    def __init__(self, world: BuildWorld) -> None:
        self.version: tuple[int, ...] = world.python
        self.platform, self.environ = world.platform, world.environment
        tag = f"cpython-{world.python[0]}{world.python[1]}-{world.machine}-linux-gnu"
        self.suffixes: Sequence[str] = (f".{tag}.so",)

    def lacks_name(self, module: str, name: str) -> bool:
        return False

    def lost(self) -> tuple[str, ...]:
        return ()

    def folder(self, package: str) -> str | None:
        return None


class BuildCore(Statements):
    """What a run asks for, what is not known, and which way it goes there."""

    def __init__(
        self, world: BuildWorld, path: str, choices: Choices, trees: dict[str, ast.Module]
    ) -> None:
        """path: of the file, relative to the world's root. `trees`: what was parsed, and will be."""
        self.build = world
        self.files = WithCopies(world.files)
        self.path = f"{world.root}/{path}"
        self.folder = self.cwd = self.path.rpartition("/")[0]
        super().__init__(_Surroundings(world))
        self.most = STEPS
        self.places = [""]
        self.choices = choices
        self.environ = dict(world.environment)
        self.argv = list(world.argv)
        self.search = [self.folder]
        self.writes: list[EnvironmentWrite] = []
        self.asked_for: dict[tuple[str, str], Question] = {}
        self.started: list[Started] = []
        self.worked_in: set[str] = set()  # the folders in which programs were started
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
        known = truth(value) if not isinstance(value, methods.Match) else True
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
