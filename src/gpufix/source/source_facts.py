"""What the readers tell of one source file: a record for each language, rows for its parts.

Snapshots hold them as JSON: see facts/answer_json.py. A record is a table of its fields, in order,
and so is a row that says so; other rows are lists. What has its default is left out. So the fields
here are the format of snapshots: a new one comes last and has a default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Literal, NamedTuple, TypeVar

from gpufix.frozen import Frozen
from gpufix.source.arch_flags import ArchFlag

# Conditions that must all hold. In build files "env:NAME" (it is set), "hip", "gpu", "windows",
# "mac", "never", "?" (only a run would tell), "!" before it for the contrary; in C++ preprocessor
# expressions.
Guards = tuple[str, ...]

_BUILDS = re.compile(r"(?:.*/)?(?:setup(?:_\w+)?|build|compile|install)\.py")

Row = TypeVar("Row")
TABLES: set[object] = set()  # rows that JSON holds as tables


def is_setup(path: str) -> bool:
    """Whether a Python file is one that people build with: setup.py, setup_cuda.py, build.py."""
    return _BUILDS.fullmatch(path) is not None


def table(row: Row) -> Row:
    """A row that JSON holds as a table of its fields, not as a list."""
    TABLES.add(row)
    return row


class Requirement(NamedTuple):
    """One requirement of a requirement file, with the line on which it begins."""

    line: int
    text: str


@table
class Address(NamedTuple):
    """An index or find-links address that names a torch build."""

    line: int
    url: str
    variant: str  # "cu124", "rocm6.4", "cpu"
    torch: str | None  # the release that it names
    option: str  # "--index-url"; "" for the address of a wheel
    image: str | None = ""  # as of Export
    when: str = ""  # the argument of a script with which it gets there: "--kaolin"
    tag: str = ""  # of a wheel: the Python that it is for, "cp310"
    abi: int | None = None  # of a wheel: the C++ ABI that its name tells


@table
class AbiFlag(NamedTuple):
    """A definition of _GLIBCXX_USE_CXX11_ABI, 0 or 1."""

    line: int
    value: int
    guards: Guards
    image: str | None = ""  # as of Export
    when: str = ""  # as of Address


@table
class ShellExport(NamedTuple):
    """A list of architectures that a script or an image sets for the commands to come."""

    line: int
    name: str  # "TORCH_CUDA_ARCH_LIST"
    value: str
    # CUDA of the NVIDIA development image on which a Dockerfile runs it; None: another; "": no RUN.
    image: str | None = ""
    when: str = ""  # as of Address


@table
class NvccFlag(NamedTuple):
    """A flag for nvcc that names architectures, or contains "arch"."""

    line: int
    text: str
    archs: tuple[ArchFlag, ...]
    guards: Guards


@table
class ForceCuda(NamedTuple):
    """Where a build reads FORCE_CUDA. `hip`: a torch for AMD GPUs decides without it."""

    line: int
    hip: bool


@table
class ArchKnob(NamedTuple):
    """A variable of the project's own that chooses architectures."""

    name: str
    line: int
    default: str | None
    separator: str
    accepts: tuple[str, ...]  # numbers that the file compares with: "90"; () = any


@table
class RasteriserContext(NamedTuple):
    """A call that makes a context of nvdiffrast."""

    line: int
    call: str  # "RasterizeGLContext"
    backend: str | None  # its argument, where it is a literal
    guards: Guards
    tried: bool  # within try/except


@table
class ArchListWrite(NamedTuple):
    """An assignment of an architecture list in os.environ."""

    name: str
    line: int
    value: str | None  # None = not known
    guards: Guards
    function: bool  # within a function


@table
class BackendChoice(NamedTuple):
    """A back end that is taken from the first variable that is set."""

    variables: tuple[str, ...]
    accepts: tuple[str, ...]  # () = not seen in the source
    default: str
    line: int


@table
class RemovedName(NamedTuple):
    """A use of a name that some release of its package no longer has."""

    name: str  # "numpy.float"
    line: int


@table
class HalfCall(NamedTuple):
    """An argument that a float32-only call cannot take."""

    line: int
    kind: Literal["ranges", "half"]  # `ranges` that lie on the GPU; half precision
    call: str
    text: str  # of the argument


@table
class HalfCast(NamedTuple):
    """A statement about the type of whole modules."""

    line: int
    # "all": casts every module of a collection; "method": to what this method is handed; "call":
    # calls a method of that name with half precision
    kind: Literal["all", "method", "call"]
    name: str  # of the method that it stands in, or that is called
    text: str


class HalfSink(NamedTuple):
    """What takes float32 alone, and is handed what modules made; or the reverse."""

    line: int
    kind: Literal["index_add", "gaussian", "nvdiffrast", "linear"]
    call: str
    text: str
    lines: tuple[int, ...]
    # (line, column, end line, end column, template) of the values to cast
    edits: tuple[tuple[int, int, int, int, str], ...]


@table
class StaleDevice(NamedTuple):
    """A `device` property that asks the first of several modules."""

    line: int
    class_: str
    moved: int  # the line that moves a single one; 0: none in this class
    collection: str = ""  # the attribute that holds the modules: "models"


@table
class CxxStandard(NamedTuple):
    """Where a build file says which C++ its compilers are to take."""

    line: int
    text: str  # "-std=c++17"
    value: int  # 17
    compiler: str  # "load cxx", "load_inline nvcc", "setup cxx": what compiles, and with what
    guards: Guards
    sources: tuple[str, ...] = ()  # literal ones of the call


class PythonFacts(Frozen):
    """Of one Python file."""

    extension: bool = False  # it imports torch.utils.cpp_extension
    nvcc: tuple[NvccFlag, ...] = ()
    detects: bool = False  # it asks the GPU for its compute capability
    forces: ForceCuda | None = None  # of older snapshots
    knobs: tuple[ArchKnob, ...] = ()
    abi: tuple[AbiFlag, ...] = ()
    backends: tuple[RasteriserContext, ...] = ()
    writes: tuple[ArchListWrite, ...] = ()
    choices: tuple[BackendChoice, ...] = ()
    names: tuple[RemovedName, ...] = ()
    half: tuple[HalfCall, ...] = ()
    stale_device: tuple[StaleDevice, ...] = ()
    setup: str | None = None  # the name that a setup.py gives, "?" = not a literal, "" = none
    torch_import: int | None = None  # of older snapshots
    imports: tuple[str, ...] = ()  # the packages and modules that a setup.py imports anywhere
    standards: tuple[CxxStandard, ...] = ()
    casts: tuple[HalfCast, ...] = ()  # of older snapshots
    words: tuple[str, ...] = ()  # of older snapshots: now `project_having` tells

    @property
    def calls_setup(self) -> bool:
        """Whether it is a file that calls setup(), with a name or without."""
        return self.setup is not None


class CMakeFacts(Frozen):
    """Of one CMake file: what tells whether a run of it is worth while."""

    cuda: int | None = None  # the line that enables the language
    torch: int | None = None  # the line of find_package(Torch)
    project: int | None = None  # the line of project()
    asks: bool = False  # it has a word of GPUs or of the C++ ABI


class ShellFacts(Frozen):
    """Of one shell script or Dockerfile: its text, which evidence/script_calls.py runs abstractly.

    Snapshots of before hold what they found in place of the text.
    """

    exports: tuple[ShellExport, ...] = ()
    abi: tuple[AbiFlag, ...] = ()
    addresses: tuple[Address, ...] = ()
    text: str = ""


class RequirementFacts(Frozen):
    """Of one requirement or conda environment file."""

    requirements: tuple[Requirement, ...] = ()
    addresses: tuple[Address, ...] = ()


class TomlFacts(Frozen):
    """Of one pyproject.toml."""

    requires: tuple[str, ...] | None  # of the build; None = no [build-system]
    backend: str | None
    name: str
    no_isolation: bool  # uv's setting
    dependencies: tuple[Requirement, ...] = ()  # of the package, those of torch's family


class Include(NamedTuple):
    """An #include: its name without brackets or quotation marks."""

    name: str
    quoted: bool
    line: int
    guards: Guards


class NameUse(NamedTuple):
    """A name that a source uses."""

    name: str
    line: int
    guards: Guards


class Barrier(NamedTuple):
    """A barrier of the whole block under a condition that differs between its threads."""

    name: str  # "__syncthreads"
    line: int
    guards: Guards
    condition: str
    condition_line: int
    function: str = ""  # the kernel or device function


class Condition(NamedTuple):
    """An `if` within a kernel, with its line."""

    text: str
    line: int


@table
class Fill(NamedTuple):
    """A kernel that writes from an offset on that a prefix sum has given."""

    kernel: str
    line: int
    offsets: int  # position of the parameter, from 0
    outputs: tuple[int, ...]  # positions of the parameters that it writes
    conditions: tuple[Condition, ...]  # under which the writing moves on
    guards: Guards


class ClosedCount(NamedTuple):
    """A count that is the product of two differences."""

    kernel: str
    position: int  # of the parameter, from 0
    line: int
    expression: str
    parameter: str


class PrefixScan(NamedTuple):
    """A prefix sum on the host: names of its input and output."""

    input: str
    output: str
    line: int


class KernelLaunch(NamedTuple):
    """A launch with the last name of each argument; "" = no plain name."""

    kernel: str
    line: int
    arguments: tuple[str, ...]


@table
class Counts(NamedTuple):
    """What a source counts and sums up."""

    closed: tuple[ClosedCount, ...]
    scans: tuple[PrefixScan, ...]
    launches: tuple[KernelLaunch, ...]
    cleared: tuple[str, ...] | None = None  # names the host clears; None: it sums nothing up


class CxxFacts(Frozen):
    """Of one C++, CUDA or HIP file."""

    includes: tuple[Include, ...] = ()  # in order
    needs: Mapping[str, tuple[NameUse, ...]] = field(default_factory=dict)  # by header
    removed: tuple[NameUse, ...] = ()  # names as in knowledge/removed_apis
    barriers: tuple[Barrier, ...] = ()
    fills: tuple[Fill, ...] = ()
    counts: Counts | None = None
    macros: Mapping[str, str] = field(default_factory=dict)  # that guards mention -> body
    own: tuple[str, ...] = ()  # names as in knowledge/removed_apis that the file itself defines


class HipUse(NamedTuple):
    """A construct that HIP lacks or means differently. `detail`: of a mask its expression."""

    name: str
    line: int
    guards: Guards
    detail: str


class HipFacts(Frozen):
    """What a HIP build meets in one file."""

    hip: tuple[HipUse, ...] = ()
    shims: tuple[str, ...] = ()  # constructs for which a macro is defined here
    macros: Mapping[str, str] = field(default_factory=dict)  # those of CxxFacts, and masks'
