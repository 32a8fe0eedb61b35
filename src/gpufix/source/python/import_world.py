"""What following an import needs to know of the patient, and how it can end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from gpufix.text.names import normalise

LAZY, NOW, GLOBAL = 0x1, 0x2, 0x100  # flags of dlopen: dlfcn.h of Linux


@dataclass(frozen=True)
class Found:
    """Where a module lies. `outside`: it is there, and not followed.

    `aside`: followed only for the libraries that it opens. What else may go wrong in it does not count.
    """

    kind: Literal["source", "extension", "namespace", "outside"]
    path: str = ""
    is_package: bool = False
    aside: bool = False


Loads = Literal["loads", "lacks", "refused", "crashes"]


class Surroundings(Protocol):
    """What code that is followed can ask without a call."""

    version: tuple[int, ...]
    platform: str  # sys.platform
    environ: Mapping[str, str]
    suffixes: Sequence[str]  # of extension modules
    known: Mapping[str, Any]  # names of modules that are not followed, with their values

    def lacks_name(self, module: str, name: str) -> bool:
        """Whether a module that is not followed is known to have nothing of this name."""
        ...

    def lost(self) -> Collection[str]:
        """The names that modules which are not followed are known to lack."""
        ...

    def folder(self, package: str) -> str | None:
        """Where a package lies that is not followed; None for what is no package."""
        ...


class World(Surroundings, Protocol):
    """The patient's disk and variables, as the import system sees them."""

    machine: str

    def find(self, name: str) -> Found | None:
        """A module by its dotted name; None when there is none."""
        ...

    def lacks(self, name: str) -> bool:
        """Whether a package that is not followed is known to have no module of this name."""
        ...

    def text(self, path: str) -> str:
        """A source. Raises OSError, ValueError."""
        ...

    def names_in(self, folder: str) -> Collection[str] | None:
        """What a folder holds; None for what is no folder."""
        ...

    def exists(self, path: str) -> bool:
        """Whether something lies there."""
        ...

    def load(self, path: str, *, everywhere: bool, lazy: bool) -> Loads:
        """Load a library, for all that are loaded after it or for itself, now or symbol by symbol.

        "lacks": refused for want of a library or a symbol, which another could have brought before.
        "crashes": the process ends.
        """
        ...

    def named_in(self, extension: str) -> Sequence[str]:
        """Modules that would not load, and that an extension names: it may import them."""
        ...

    def defines(self, library: str, operator: str) -> bool | None:
        """Whether a library registers an operator of torch, "ns::name"; None: it cannot be read."""
        ...

    def locate(self, name: str) -> str | None:
        """The file that the loader finds for a bare name: "" for none, None where a driver brings it."""
        ...

    def find_library(self, name: str) -> str | None:
        """The file that `ctypes.util.find_library` finds: "" for none, None where that is not known."""
        ...

    def load_nvidia(self, name: str) -> bool:
        """Load a CUDA library by its short name, as cuda.pathfinder does; False: none is known."""
        ...

    def add_folder(self, folder: str) -> None:
        """Have a folder searched for libraries, as `os.add_dll_directory` does on Windows."""
        ...

    def entered(self, name: str) -> None:
        """A module that is not followed was imported: it may have loaded libraries."""
        ...


@dataclass(frozen=True)
class Spared:
    """A library that an import tries in vain, and goes on without.

    `said`: it tells people so, by a warning or a line. `served`: another was loaded in its place.
    `doubtful`: what was opened before, by a path that is not known, may bring what it lacks.
    """

    library: str
    place: tuple[str, ...]  # where it was tried: "FILE:LINE" of each call that leads there
    said: bool = False
    served: bool = False
    doubtful: bool = False


@dataclass(frozen=True)
class Outcome:
    """Of an import. `library`: what the loader refuses; `missing`: a module that is not there.

    `chain`: the places that lead to it, "FILE:LINE", from the import on. `doubts`: libraries by
    which it may fail; `named`: libraries, and modules that are not there, that compiled code names, and
    may import. `whole`: all that it runs was followed.
    """

    state: Literal["works", "fails", "unsure"]
    library: str = ""
    missing: str = ""
    chain: tuple[str, ...] = ()
    spared: tuple[Spared, ...] = ()
    doubts: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    whole: bool = True


IMPORT = frozenset({"ImportError", "Exception", "BaseException", "object"})
NO_MODULE = IMPORT | {"ModuleNotFoundError"}
NO_NAME = frozenset({"AttributeError", "Exception", "BaseException", "object"})
OS = frozenset({"OSError", "Exception", "BaseException", "object"})


class Fails(Exception):
    """An exception that the patient's code would meet. `kinds`: the classes that it is of."""

    def __init__(
        self, kinds: frozenset[str], library: str = "", missing: str = "", said: str = ""
    ) -> None:
        super().__init__(library or missing or said)
        self.kinds, self.library, self.missing = kinds, library, missing
        self.said = said  # the exception's text
        self.chain: list[str] = []
        self.place: tuple[str, ...] = ()  # where the library was asked for
        self.named = False  # it is not known whether compiled code asks for it
        self.curable = False  # what was opened before, which is not known, may bring what it lacks

    def again(self, kinds: frozenset[str]) -> Fails:
        """Raised anew, as an exception of another class."""
        told = Fails(kinds, self.library, self.missing, self.said)
        told.chain, told.place = list(self.chain), self.place
        told.named, told.curable = self.named, self.curable
        return told


class Return(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Leaves(Exception):
    """break and continue."""

    def __init__(self, ends: bool) -> None:
        super().__init__()
        self.ends = ends


class TooMuch(Exception):
    """The code is larger than what is followed."""


_CONSTANTS: dict[str, Any] = {
    "os.name": "posix",
    "os.sep": "/",
    "os.path.sep": "/",
    "os.pathsep": ":",
    "sys.maxsize": 2**63 - 1,
    "typing.TYPE_CHECKING": False,
    "os.RTLD_LAZY": LAZY,
    "os.RTLD_NOW": NOW,
    "os.RTLD_GLOBAL": GLOBAL,
    "os.RTLD_LOCAL": 0,
    "ctypes.RTLD_GLOBAL": GLOBAL,
    "ctypes.RTLD_LOCAL": 0,
    "ctypes.DEFAULT_MODE": 0,
}


def version_of(distribution: str) -> str:
    """The name under which a world knows what importlib.metadata says of a distribution's version."""
    return f"importlib.metadata.version({normalise(distribution)})"


def constants(world: Surroundings) -> dict[str, Any]:
    """Names of modules that are not followed, with their values."""
    version = tuple(world.version)
    return {
        **_CONSTANTS,
        "sys.platform": world.platform,
        "os.name": "nt" if world.platform == "win32" else "posix",
        "sys.version_info": version,
        "sys.version_info.major": version[0],
        "sys.version_info.minor": version[1],
        "importlib.machinery.EXTENSION_SUFFIXES": list(world.suffixes),
        **world.known,
    }
