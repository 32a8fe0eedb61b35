"""Facts about compiled libraries: would they load, and for which GPUs do they hold code."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from gpufix.model.base import Model


class Problem(Model):
    """One reason for which the dynamic loader would refuse a library."""

    kind: Literal[
        "missing-library",
        "missing-version",
        "undefined-symbol",
        "wrong-machine",
        "unusable",
        "refused",  # a sound file that asks for what this loader does not give
    ]
    name: str  # SONAME, version or mangled symbol; of an unusable or refused file, the reason
    version: str | None = None  # of an undefined symbol
    needed_by: str | None = None  # the file that asks, when it is not the library itself
    provider: str | None = None  # the file that should have had it
    why: str | None = None  # how that file was chosen: "RPATH", "LD_LIBRARY_PATH", ...
    driver: bool = False  # belongs to a GPU driver: absent on machines without one


CodeKind = Literal["cubin", "ptx", "lto", "hip", "bitcode", "spirv", "other"]


class CodeObject(Model):
    """One kind of GPU code in a file, with how often it occurs."""

    kind: CodeKind
    arch: str  # "sm_90", "sm_90a", "sm_100f", "gfx90a:xnack-", "gfx11-generic"; "" = not written
    ptx_version: str | None = None  # PTX ISA, "8.4"
    compressed: bool = False
    count: int = 1


class CodePart(Model):
    """`count` containers hold exactly these kinds of code (indices into the library's `code`).

    A launch finds its kernel in one container: each must serve the GPU for itself.
    """

    code: list[int]
    count: int = 1


class Library(Model):
    """One shared library of the patient. Empty `problems` = nothing speaks against loading it.

    Judged are Python modules, torch's own and torch's users, and what Python source opens by
    name; others show in the verdict of what needs them, or are optional plug-ins.
    """

    path: str
    distribution: str | None = None
    module: bool = False  # named as an extension module of some Python
    python_tag: str | None = None  # "cp310" from its name; "abi3"
    # None = nobody was seen to open it (sources are searched only for one that would not load);
    # plugin = native code is known to open it by its path
    opened_by: Literal["import", "library", "source", "plugin"] | None = None
    soname: str | None = None
    needed: list[str] = field(default_factory=list)
    links_torch: bool = False
    problems: list[Problem] = field(default_factory=list)
    code: list[CodeObject] = field(default_factory=list)
    parts: list[CodePart] = field(default_factory=list)  # which of them stand side by side
    # Where `code` lies when not in the library: "…/torch/.kpack/torch_@GFXARCH@.kpack"
    archives: list[str] = field(default_factory=list)
    cxx11_abi: bool | None = None  # told from its torch-facing symbols
    uses: dict[str, str] = field(
        default_factory=dict
    )  # NEEDED name -> file that would be used, for GPU libraries
    torch_symbols: list[str] = field(
        default_factory=list
    )  # undefined torch names, kept only when something is wrong
    toolset: str | None = None  # of MSVC, that linked a DLL: "14.44"
    locks_new: bool = False  # a DLL locks mutexes that older VC runtimes do not know


class Spared(Model):
    """A library that an import tries in vain, and goes on without."""

    library: str
    place: str  # "FILE:LINE", of the innermost call that asks for it
    said: bool = False  # a warning or a line tells people
    served: bool = False  # another library was loaded in its place
    doubtful: bool = False  # what was opened before, which is not known, may bring what it lacks


class Import(Model):
    """What importing a module would do, as far as its package's sources tell (none is run)."""

    module: str
    distribution: str | None = None
    state: Literal["works", "fails", "unsure"] = "unsure"
    library: str | None = None  # that the loader refuses on the way
    missing: str | None = None  # module, name of one, or file that is not there
    chain: list[str] = field(default_factory=list)  # "FILE:LINE" from the import to it
    part_of: str | None = None  # the package, whose own import is not this one
    call: str | None = None  # the function of the module that was followed, not its import
    spared: list[Spared] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)  # libraries by which it may fail
    named: list[str] = field(
        default_factory=list
    )  # libraries, and modules that are not there, that compiled code names, and may import
    whole: bool = True  # all that it runs was followed
    foreign: bool = False  # what is missing is nothing of the distribution's own
    of: str | None = None  # the distribution that should have it
    # Modules that it lacks as well, once that one is there.
    further: list[str] = field(default_factory=list)
    wants: str | None = None  # what generated code that is missing so asks for: "grpcio>=1.67.0"


class FileIdentity(Model):
    """The bytes of one library, as far as they were read: two that differ have another digest.

    sampled: the head, the end and parts between were hashed, not the whole file.
    """

    path: str
    distribution: str | None = None
    size: int
    digest: str
    sampled: bool = False
    version: str | None = None  # that the file states itself: "2.30.7+cuda13.3"


class KernelFiles(Model):
    """GPU code of one of ROCm's libraries that lies in files beside it, as their names tell it."""

    kind: str  # "rocblas", "hipblaslt", "hipsparselt", "miopen", "aotriton"
    library: str
    distribution: str | None = None
    folder: str
    files: dict[str, int] = field(default_factory=dict)  # "gfx1100" -> how many; "" = for any
    units: dict[str, list[int]] = field(default_factory=dict)  # MIOpen's: -> compute units


class OldCxx(Model):
    """A package's own libstdc++, which lacks what another distribution asks of it when it is loaded first."""

    path: str
    distribution: str
    user: str
    library: str  # of the user
    versions: list[str]  # that it lacks


class Binaries(Model):
    """The scan of all compiled libraries."""

    scanned: int = 0
    libraries: list[Library] = field(
        default_factory=list
    )  # torch's, GPU code holders, torch users, and faulty ones
    with_code: int = 0
    numpy_1: dict[str, str | None] = field(
        default_factory=dict
    )  # modules that NumPy 2 refuses (one each) -> distribution
    imports: list[Import] = field(
        default_factory=list
    )  # of the packages that hold a library that the loader refuses
    modules: dict[str, int] = field(
        default_factory=dict
    )  # distribution -> how many extension modules it has
    cuda: dict[str, list[str]] = field(
        default_factory=dict
    )  # distribution, or the path of a library that none owns -> CUDA libraries that it names
    kernel_files: list[KernelFiles] = field(default_factory=list)
    old_cxx: list[OldCxx] = field(default_factory=list)
    files: list[FileIdentity] = field(default_factory=list)  # empty where nobody asked for it
    further: dict[str, str] = field(
        default_factory=dict
    )  # distribution -> one digest of its libraries beyond those listed
