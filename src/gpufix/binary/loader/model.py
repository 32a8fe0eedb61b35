"""What the loader is asked about and what it answers: plain data, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from gpufix.frozen import Frozen

Reason = Literal[
    "path", "already loaded", "preload", "rpath", "LD_LIBRARY_PATH", "runpath", "cache", "default",
    "own folder", "program's folder", "added folder", "System32",
]  # fmt: skip


class Opened(Frozen):
    """A library opened by Python code before the one in question; `everywhere` is RTLD_GLOBAL."""

    path: str
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Process:
    """The process that an extension is loaded into.

    interpreter: the Python executable; site_dirs: where packages are found, in sys.path's order;
    sys_path: all of it, when it is known; environment: LD_LIBRARY_PATH and LD_PRELOAD are used; opened: libraries opened beforehand.
    """

    interpreter: str
    site_dirs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    opened: tuple[Opened, ...] = ()
    sys_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A directory (or cache) that was searched, and by which rule."""

    directory: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Used:
    """The file that serves the needed `name`; detail: the rule's own words (an RPATH entry, …)."""

    name: str
    needed_by: str
    path: str
    reason: Reason


class Missing(Frozen):
    """No file for `name`. driver: it comes with a GPU driver, so a machine without GPU lacks it."""

    name: str
    needed_by: str
    searched: tuple[Place, ...]
    driver: bool = False


class VersionMissing(Frozen):
    """`path`, the file that serves `library`, does not define `version`."""

    version: str
    library: str
    path: str
    needed_by: str


class Undefined(Frozen):
    """No library in scope defines the symbol; library: the one that should, when known."""

    name: str
    version: str | None
    needed_by: str
    library: str | None
    kind: str


class Unusable(Frozen):
    """A file that the loader finds and refuses, or that would crash it.

    sound: nothing is wrong with the file, it asks for what this process does not have.
    """

    path: str
    needed_by: str | None
    what: str
    sound: bool = False

    @property
    def crashes(self) -> bool:
        """Whether the process ends: pages of a file that was cut are mapped, and not there (SIGBUS)."""
        return self.what.startswith("truncated:")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What dlopen(path, RTLD_NOW) would do.

    context: what Python would have loaded before ("" nothing, "torch", "package");
    uses: the files for the library's own needs, and those that they bring in further;
    undetermined: symbols that only a missing or unusable library could still define;
    served_by: a library of the same scan that loads, and brings this one in with it: a bundled
    dependency (scipy.libs/…) need not load on its own;
    extension: Python can import the file as a module.
    """

    path: str
    context: str = ""
    missing: tuple[Missing, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    versions: tuple[VersionMissing, ...] = ()
    undefined: tuple[Undefined, ...] = ()
    undetermined: tuple[Undefined, ...] = ()
    uses: tuple[Used, ...] = ()
    served_by: str | None = None
    extension: bool = False

    @property
    def loads(self) -> bool:
        return not (self.missing or self.unusable or self.versions or self.undefined)

    @property
    def refused(self) -> bool:
        """Whether the loader would refuse it for more than a GPU driver that is not here."""
        lacks = any(not missing.driver for missing in self.missing)
        return lacks or bool(self.unusable or self.versions or self.undefined)

    def to_dict(self) -> dict[str, Any]:
        """Everything as lists and dicts, with the conclusion under `loads`."""
        return {"loads": self.loads, **asdict(self)}
