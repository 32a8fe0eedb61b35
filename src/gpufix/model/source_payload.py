"""What rules about a project's source hand to fixes. Each `path` is relative to the project's root."""

from __future__ import annotations

from typing import Literal, TypeAlias

from gpufix.frozen import Frozen
from gpufix.model.payload import Payload


class ProjectFile(Payload):
    """A file of the project, with nothing more to say of the place."""

    path: str


class ProjectVariable(Frozen):
    """An environment variable of a project's own that chooses the architectures to build for."""

    name: str
    separator: str
    accepts: tuple[str, ...]  # the numbers that the file knows; () = any
    value: str = ""  # that was tried, and makes the build serve the targets


class ArchFlags(Payload):
    """Flags in a Python build file that name architectures for nvcc or hipcc."""

    path: str
    lines: tuple[int, ...]
    setting: ProjectVariable | None = None  # that they are made from
    variants: tuple[str, ...] = ()  # sm_90a and its like, where nothing else is built for


class AbsentPin(Payload):
    """A requirement, or the address of a page, that no published build answers to."""

    path: str
    line: int
    text: str


class ArchWord(Payload):
    """Flags for nvcc that only contain the word "arch", for which torch leaves its own out."""

    path: str
    lines: tuple[int, ...]


class NvccFlags(Payload):
    """Architectures of an nvcc that a setup.py starts itself, or make."""

    path: str
    refused: bool  # nvcc generates no code for one of them
    one: bool  # it writes code for one GPU only
    variants: tuple[
        str, ...
    ] = ()  # "sm_90a": what the code is written for, where it is for nothing else


class ArchAssignment(Payload):
    """A Python file that assigns the variable of torch that names architectures."""

    path: str
    line: int
    variable: str
    default: bool  # only where the variable is not set


class ArchExport(Payload):
    """A shell script or a Dockerfile that exports a variable that names architectures."""

    path: str
    line: int
    variable: str  # of a "command", cmake or nvcc: the words that name them
    file: Literal["shell", "docker", "command"]


class CMakeArchs(Payload):
    """Architectures that a CMake file fixes."""

    path: str
    line: int
    follows: str | None  # the variable that can stand in their place; None = none is read
    root: str = "CMakeLists.txt"  # of the build that reads it


class CMakeGpuAsked(Payload):
    """A CMake build that takes its architectures, or its going on, from the visible GPU."""

    path: str
    line: int
    follows: str  # the variable that can stand in its place
    root: str  # the CMakeLists.txt that is configured


class CMakeOption(Payload):
    """An option of a CMake build that is off, or has another value, and with which it has CUDA."""

    root: str  # the CMakeLists.txt that is configured
    option: str
    value: str
    by_pip: bool = False  # pip starts its cmake


class GpuAsked(Payload):
    """A setup.py that builds no GPU code, or nothing, where no GPU is visible."""

    path: str


class SwitchedBuild(Payload):
    """A setup.py that builds no extension, or no GPU code, without a variable or an argument."""

    path: str
    name: str
    value: str  # the variable's; "" for an argument of its command line


class CargoFeature(Payload):
    """A Rust crate that maturin builds without its GPU code."""

    path: str  # the Cargo.toml
    features: tuple[str, ...]  # to build with, the one that is off the last


class PlainSetting(Payload):
    """A line of a Dockerfile that sets a variable for its shell, and for no program."""

    path: str
    line: int
    variable: str


AbiFile: TypeAlias = Literal["python", "cmake", "shell", "docker"]


class FixedAbi(Payload):
    """A build file that fixes the C++ ABI."""

    path: str
    lines: tuple[int, ...]
    value: int  # of _GLIBCXX_USE_CXX11_ABI
    file: AbiFile


class MissingInclude(Payload):
    """A source that uses names of a standard header without including it."""

    path: str
    header: str


class RelativeInclude(Payload):
    """A setup.py that hands on a relative folder of headers, which ninja seeks elsewhere."""

    path: str
    folder: str  # relative to the project's root


class SystemHeader(Payload):
    """A header of a library that no wheel brings, as an #include names it, and where a build seeks it."""

    header: str
    folders: tuple[str, ...] = ()


class RemovedNameUse(Payload):
    """A source that uses a name which torch, CUDA or a package no longer has."""

    path: str
    name: str
    lines: tuple[int, ...]
    language: Literal["python", "cxx"]
    others: tuple[str, ...] = ()  # names that are gone with it, and that the same edit replaces


class EmptySubmodule(Payload):
    """A git submodule whose folder is empty."""

    path: str
    url: str | None
    gitlink: bool | None  # recorded in git's index; None = no index to look in


class IsolatedBuild(Payload):
    """A folder whose build in isolation does not find the torch that it imports."""

    folder: str  # "" = the project's root


InstallFile: TypeAlias = Literal["shell", "docker", "requirements"]


class IsolatedInstalls(Payload):
    """Lines of a script, Dockerfile or requirement file that have pip build in isolation what imports torch."""

    path: str
    lines: tuple[int, ...]
    others: bool  # whether one of them installs more than that
    file: InstallFile = "shell"


class CMakeNeed(Payload):
    """What ends a configure: cmake is too old, or too new for the policies that a file asks for."""

    kind: Literal["newer", "policy", "FindCUDA"]
    root: str  # the CMakeLists.txt that cmake is called for
    release: str  # the cmake that would do; "" = none


class UnwrittenOutputs(Payload):
    """A kernel that may leave slots of its outputs unwritten."""

    path: str
    kernel: str
    outputs: tuple[int, ...]  # positions of these parameters


class UnfitArgument(Payload):
    """An argument of a call that takes float32 alone, or `ranges` on the CPU."""

    path: str
    line: int
    call: str
    text: str  # of the argument
    kind: Literal["half", "ranges"]


class HalfPlace(Payload):
    """A place where whole modules that are half meet what takes float32 alone."""

    path: str
    line: int
    kind: str  # as of source_facts.HalfSink
    call: str


class WheelAddress(Payload):
    """A page of wheels for another torch or CUDA than the installed one."""

    path: str
    url: str
    lines: tuple[int, ...]


class ImageWheelAddress(Payload):
    """A page of wheels for another CUDA than the Dockerfile's image has."""

    path: str
    url: str


class ConflictingPins(Payload):
    """Pins of one requirement file that are known not to work together."""

    path: str
    conflict: str  # its id in the table


StandardWay: TypeAlias = Literal["setup", "load", "cmake"]


class OldStandard(Payload):
    """Lines of a build file that ask for an older C++ than torch's headers take."""

    path: str
    lines: tuple[int, ...]
    way: StandardWay
    needs: int
    release: str | None  # the first torch whose headers take no older one
    unset: tuple[str, ...] = ()  # CMake variables that nobody sets
