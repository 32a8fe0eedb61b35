"""What a CMake run knows while it goes: variables, files, doubts; what commands ask and change."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gpufix.frozen import Frozen
from gpufix.source.builds.cmake_conditions import release
from gpufix.source.builds.cmake_names import built_in
from gpufix.source.builds.cmake_store import (
    MISSING,
    UNDEFINED,
    Fatal,
    Left,
    Store,
    Value,
    unknown,
    value,
)
from gpufix.source.builds.cmake_syntax import Argument, Command
from gpufix.source.builds.cmake_words import Word, expand, split
from gpufix.source.builds.run import UNKNOWN_PART, Ending, Place, Question
from gpufix.source.builds.world import BuildWorld

if TYPE_CHECKING:
    from gpufix.source.builds.python_prints import Printed

Flow = Literal["", "return", "break", "continue", "fatal", "stop"]

_LAST_OF_3_4 = "CMP0065"
_TEXT, _FILES = 12 << 20, 1_500  # characters that are made; files that are read


class CMakeCall(Frozen):
    """How cmake is called: in which world, by whom, with which -D.

    defines: None for a value that only a run of the caller would tell; such a variable may be unset.
    cmake: the release of the cmake that would run, where it is known.
    awaited: folders that are empty, and that a submodule is to fill; absolute.
    """

    world: BuildWorld
    source: str  # the folder, absolute
    defines: Mapping[str, str | None] = field(default_factory=dict)
    cmake: str | None = None
    awaited: frozenset[str] = frozenset()


class Routine(NamedTuple):
    """A function or macro of the project."""

    kind: Literal["function", "macro"]
    parameters: tuple[str, ...]
    body: tuple[Any, ...]
    path: str
    sure: bool = True
    others: tuple[Any, ...] = ()  # definitions of which one may be in force instead

    def doubted(self, other: Routine | None) -> Routine:
        """One that may not be the one in force."""
        if other is None:
            return self._replace(sure=False)
        return self._replace(others=(*self.others, other)[:4])


class Call(NamedTuple):
    """One command with its evaluated arguments."""

    name: str
    words: tuple[Word, ...]
    place: Place
    command: Command

    @property
    def texts(self) -> list[str]:
        """The texts of the arguments."""
        return [word.text for word in self.words]

    @property
    def known(self) -> bool:
        """Whether all of them are known."""
        return all(word.known for word in self.words)

    def places(self) -> tuple[Place, ...]:
        """Where what it says comes from: its own line last."""
        return (*(place for word in self.words for place in word.places), self.place)


class Frame(NamedTuple):
    """A routine, a file or a loop, while it runs, and the ways that have left it early."""

    kind: Literal["routine", "loop"]
    left: list[Left]


class CMakeState:
    """The state of one run."""

    def __init__(self, call: CMakeCall) -> None:
        self.call = call
        self.world = call.world
        self.store = Store()
        self.doubts: list[str] = []  # the conditions of which only a run would tell
        self.endings: list[Ending] = []
        self.asked: dict[tuple[str, str], Question] = {}
        self.reads: dict[str, None] = {}  # the files
        self.unfollowed: list[tuple[str, Place]] = []
        self.whole = True
        self.languages: dict[str, Place] = {}
        self.ran: dict[tuple[str, int], bool] = {}  # path and line of each command: whether surely
        self.detects: Place | None = None  # find_package(Torch) without a list of architectures
        self.with_torch: Place | None = None  # the last find_package(Torch)
        self.finds_cuda = False  # surely, by FindCUDA or CUDAToolkit
        self.printed: dict[str, Printed | None] = {}  # by programs in Python
        self.copies: dict[str, str] = {}  # in the build folder -> of the project
        self.prefixes: set[str] = set()  # of variables that what is not followed may set
        self.folder = call.source  # CMAKE_CURRENT_SOURCE_DIR
        self.path = ""  # of the file that runs, absolute
        self.parents: list[dict[str, Value]] = []  # scopes that called this one
        self.macros: list[dict[str, Value]] = []  # the arguments of the macro that runs, or {}
        self.lacks = ""  # the unset variable by which the run takes this branch
        self._frames: list[Frame] = []
        self._text = 0
        self._line = 1
        self._files: dict[str, str | None] = {}

    @property
    def binary_root(self) -> str:
        """The build folder: one that does not exist."""
        return f"{self.call.source}/\x01build"

    @property
    def here(self) -> Place:
        """The line that runs."""
        return self.place(self._line)

    def place(self, line: int) -> Place:
        """A line of the file that runs."""
        return Place(self.relative(self.path), line)

    def relative(self, path: str) -> str:
        """A path as the project says it."""
        root = self.world.root.rstrip("/") + "/"
        return path.removeprefix(root)

    @property
    def sure(self) -> bool:
        """Whether every run gets here."""
        return not self.doubts and not any(frame.left for frame in self._frames)

    @property
    def hangs(self) -> tuple[str, ...]:
        """What decides whether a run gets here."""
        early = [f"an earlier {left.flow}()" for frame in self._frames for left in frame.left]
        return tuple(dict.fromkeys([*self.doubts[-4:], *early[:2]]))

    @property
    def linux(self) -> bool:
        """Whether the build is for Linux."""
        return self.world.platform.startswith("linux")

    def spend(self, amount: int) -> None:
        """Count characters that were made. Raises Fatal beyond the limit."""
        self._text += amount
        if self._text > _TEXT:
            raise Fatal

    def text(self, path: str) -> str | None:
        """A file of the project."""
        if path not in self._files:
            if len(self._files) >= _FILES:
                raise Fatal
            self._files[path] = self.world.files.text(path) if self.inside(path) else None
        return self._files[path]

    def inside(self, path: str) -> bool:
        """Whether a path lies in the project, and not among what is built."""
        root = self.world.root.rstrip("/")
        return (path == root or path.startswith(f"{root}/")) and not path.startswith(
            self.binary_root
        )

    def is_awaited(self, path: str) -> bool:
        """Whether a path lies in the folder of a submodule that is not filled yet."""
        return any(path.startswith(f"{each}/") for each in self.call.awaited)

    def exists(self, path: str) -> bool | None:
        """Whether a path is there; None outside the project."""
        return self.world.files.exists(path) if self.inside(path) else None

    def copied(self, source: str, target: str) -> None:
        """A file of the project lies in the build folder too."""
        if self.exists(source) and not self.inside(target) and len(self.copies) < _FILES:
            self.copies[target] = source

    def absolute(self, path: str) -> str:
        """A path as a command takes it: relative ones from the folder that runs."""
        return posixpath.normpath(posixpath.join(self.folder, path))

    def unfollow(self, what: str) -> None:
        """Something that decides, and that is not followed."""
        if len(self.unfollowed) < 100:
            self.unfollowed.append((what, self.here))

    def fail(self, message: str, error: str = "FATAL_ERROR", sure: bool = True) -> None:
        """The configure ends here, where it gets here."""
        if len(self.endings) > 200:
            raise Fatal
        shown = re.sub(r"\s+", " ", message.replace(UNKNOWN_PART, "…")).strip()[:300]
        self.endings.append(
            Ending(
                "error",
                self.here,
                error,
                shown,
                missing=self.lacks,
                sure=sure and self.sure,
                hangs=self.hangs,
            )
        )

    def words(self, command: Command) -> tuple[Word, ...]:
        """The arguments of a command, evaluated."""
        found: list[Word] = []
        for argument in command.arguments:
            found += self._word(argument)
        return tuple(found)

    def _word(self, argument: Argument) -> list[Word]:
        if argument.kind in ("bracket", "paren"):
            return [Word(argument.text, argument.kind == "bracket")]
        places: list[Place] = []

        def lookup(kind: str, name: str) -> str:
            found = self._referenced(kind, name)
            places.extend(found.places)
            self.spend(len(found.text))
            return found.text if found.defined is not None else UNKNOWN_PART

        text = expand(argument.text, lookup)
        self.spend(len(text))
        where = tuple(dict.fromkeys(places))[-24:]
        if argument.kind == "quoted":
            return [Word(text, True, where)]
        parts = split(text)
        self.spend(60 * len(parts))
        return [Word(part, False, where) for part in parts]

    def _referenced(self, kind: str, name: str) -> Value:
        if kind == "ENV":
            return self.read_env(name)
        if kind == "CACHE":
            return self.read_cache(name)
        if self.macros and name in self.macros[-1]:
            return self.macros[-1][name]
        return self.read(name)

    def read(self, name: str) -> Value:
        """A variable, or the cache entry of its name."""
        found = self.store.variables.get(name)
        if found is not None:
            return found
        self._asks("variable", name)
        found = self.store.cache.get(name)
        return found if found is not None else built_in(name, self.linux, self.prefixes)

    def read_cache(self, name: str) -> Value:
        """A cache entry."""
        self._asks("variable", name)
        return self.store.cache.get(name, UNDEFINED)

    def read_env(self, name: str) -> Value:
        """An environment variable: one that the files set, or the world's."""
        self._asks("variable", f"ENV{{{name}}}")
        written = self.store.other.get(("env", name))
        if written is not None:
            return written if isinstance(written, Value) else UNDEFINED
        text = self.world.environment.get(name)
        if text is None:
            return UNDEFINED
        return Value(text)

    def _asks(self, kind: Literal["variable"], name: str) -> None:
        if len(self.asked) < 3_000:
            self.asked.setdefault((kind, name), Question(kind, name, self.here))

    def put(self, name: str, new: Value | Any) -> None:
        """Write a variable of the present scope; MISSING unsets it."""
        self.store.put(self.store.variables, name, new)

    def set(self, name: str, text: str, *places: Place) -> None:
        """Write a variable."""
        self.put(name, value(text, places or (self.here,)))

    def matched(self, groups: Sequence[str] | None) -> None:
        """CMAKE_MATCH_<n>, as a match leaves them."""
        if groups is None:
            for n in range(10):
                self.put(f"CMAKE_MATCH_{n}", unknown((self.here,)))
            self.put("CMAKE_MATCH_COUNT", unknown((self.here,)))
            return
        for n in range(10):
            self.set(f"CMAKE_MATCH_{n}", groups[n] if n < len(groups) else "")
        self.set("CMAKE_MATCH_COUNT", str(max(0, len(groups) - 1)))

    def is_new(self, policy: str, since: tuple[int, int]) -> bool:
        """Whether a policy is NEW: set, or by the version that the project requires."""
        if self.is_settled(policy):
            return True
        chosen = self.store.other.get(("policy", policy))
        if chosen is not None:
            return bool(chosen == "NEW")
        return tuple(self.policy_version[:2]) >= since

    def is_settled(self, policy: str) -> bool:
        """Whether the CMake that would run no longer knows the OLD behaviour: 4.0 dropped that of what
        3.4 and older brought."""
        cmake = self.call.cmake
        return cmake is not None and release(cmake) >= [4] and policy <= _LAST_OF_3_4

    @property
    def policy_version(self) -> list[int]:
        """The version whose policies hold."""
        return release(self.store.other.get(("version", ""), "2.4"))

    def set_cache(self, name: str, new: Value, kind: str, force: bool = False) -> None:
        """A cache entry: one that is there stays, unless it is forced (INTERNAL implies it)."""
        cache = self.store.cache
        old = cache.get(name)
        if old is not None and old.defined is None and not force:
            # The caller may give it; else this is its value.
            self.store.put(
                cache, name, Value(UNKNOWN_PART, new.places, True, (UNKNOWN_PART, new.text))
            )
            return
        if old is not None and not force and kind != "INTERNAL":
            return
        self.store.put(cache, name, new)
        if not self.is_new("CMP0126", (3, 21)):
            self.put(name, MISSING)

    # What only the run itself can do

    def run_file(self, path: str) -> Flow:
        """A file in the scope that calls it."""
        raise NotImplementedError

    def enter_folder(self, folder: str, binary: str) -> Flow:
        """The CMakeLists.txt of a folder, in a scope of its own."""
        raise NotImplementedError

    def test(self, operator: str, text: str) -> bool | None:
        """EXISTS, COMMAND, TARGET … in if()."""
        raise NotImplementedError

    def call_command(self, call: Call) -> Flow:
        """A command or routine by its name."""
        raise NotImplementedError
