"""What a build file does in one world: the vocabulary of every reader of build files.

A fact has its place and is `sure` where every way through the file brings it; else `hangs` names the
unknowns that decide about it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from gpufix.frozen import Frozen

UNKNOWN_PART = "\0"  # stands in a text for what only a run would tell
FOREIGN = ("what it links to",)  # it passes on flags that nobody sees here


class Place(NamedTuple):
    """A line of a file. `path` is relative to the project's root."""

    path: str
    line: int


class Said(NamedTuple):
    """A text that a build file hands on: a flag, a source, a folder."""

    text: str  # "\0" stands in it for what only a run would tell
    place: Place
    sure: bool = True
    hangs: tuple[str, ...] = ()


class Macro(NamedTuple):
    """A macro that is defined for a compiler. `value`: None where it has none."""

    name: str
    value: str | None
    place: Place
    sure: bool = True
    hangs: tuple[str, ...] = ()


Kind = Literal["cuda", "cpp", "plain", "jit"]


class BuiltExtension(Frozen):
    """One library that is compiled. `sources`: relative to the project's root, globs expanded.

    kind: "cuda" and "cpp" by torch's cpp_extension with and without CUDA, "plain" by setuptools or
    CMake, "jit" when a program runs. `cxx` and `nvcc` are in the order of the command line.
    """

    name: str
    kind: Kind
    place: Place
    sources: tuple[Said, ...] = ()
    cxx: tuple[Said, ...] = ()
    nvcc: tuple[Said, ...] = ()
    macros: tuple[Macro, ...] = ()
    include_dirs: tuple[Said, ...] = ()
    libraries: tuple[Said, ...] = ()
    link: tuple[Said, ...] = ()
    sure: bool = True
    hangs: tuple[str, ...] = ()


class EnvironmentWrite(NamedTuple):
    """A variable that the file sets, or unsets (None), before what it builds."""

    name: str
    value: str | None
    place: Place
    sure: bool = True
    hangs: tuple[str, ...] = ()


class Question(NamedTuple):
    """Something that the file asks. subject: a variable's name, or what of the machine or of torch.

    default: what an unset variable stands for, where it is a text.
    """

    kind: Literal["variable", "argument", "gpu", "capability", "torch", "nvcc", "module", "file"]
    subject: str
    place: Place
    default: str | None = None


class Ending(NamedTuple):
    """How a way through the file ends. `error`: the exception's class, "exit" or "".

    missing: the module that an ImportError is about, the unset variable that CMake's error is about.
    """

    state: Literal["done", "error", "exit", "unfinished"]
    place: Place
    error: str = ""
    message: str = ""
    missing: str = ""
    sure: bool = True
    hangs: tuple[str, ...] = ()


class Started(NamedTuple):
    """A program that the file starts."""

    arguments: tuple[str, ...]
    place: Place
    sure: bool = True
    hangs: tuple[str, ...] = ()


class Unsure(NamedTuple):
    """What only a run would tell, and what asks for it."""

    reason: str
    place: Place


class BuildRun(Frozen):
    """All that one file does. `whole`: every way through it was followed to its end.

    called: whether setup() is called, of Python files; name: what it is given, "?" for no plain text.
    commands: the options of the command line that the file itself takes out of it ("--force_cuda").
    takes_all: whether it looks at variables that it does not name: os.environ.copy().
    """

    path: str
    extensions: tuple[BuiltExtension, ...] = ()
    writes: tuple[EnvironmentWrite, ...] = ()
    asked: tuple[Question, ...] = ()
    endings: tuple[Ending, ...] = ()
    started: tuple[Started, ...] = ()
    unsure: tuple[Unsure, ...] = ()
    whole: bool = True
    called: bool = False
    name: str | None = None
    steps: int = 0  # statements and expressions that were followed
    takes_all: bool = False

    @property
    def fails(self) -> Ending | None:
        """The end of every way through the file, where none of them gets through."""
        bad = [e for e in self.endings if e.state in ("error", "exit")]
        return bad[0] if bad and len(bad) == len(self.endings) and self.whole else None
