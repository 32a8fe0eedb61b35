"""What rules hand to fixes, one record for each kind of thing. Of the project's source: source_payload.

A fix reads them by type: `finding.payload_as(MissingTool).name`. Third parties declare their own.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from gpufix.frozen import Frozen
from gpufix.model.host import Vendor


class Payload(Frozen):
    """The base of all payloads: frozen dataclasses whose fields never change."""


class DistributionFault(Payload):
    """Something is wrong with one installed distribution."""

    distribution: str  # its normalised name; the library's path where no distribution owns it


class ExtensionModules(DistributionFault):
    """Compiled modules of a distribution that do not fit the installed torch or Python."""

    libraries: tuple[str, ...] = ()  # their paths, where the rule tells them


class OtherCudaMajor(ExtensionModules):
    """Compiled modules for another CUDA major than what is here."""

    major: int = 0  # that they are for
    sonames: tuple[str, ...] = ()  # of the libraries that are lacking
    links_torch: bool = False  # and torch is for another one


class UnfitCode(DistributionFault):
    """GPU code of a distribution that does not serve an architecture, or serves it by PTX alone."""

    arch: str


class UnreadPtx(UnfitCode):
    """PTX that the driver's compiler is too old for."""

    cuda: str | None  # the first one whose driver reads it; None = not known


class MissingLibrary(DistributionFault):
    """A distribution needs a library, or a newer copy of one, that certain wheels bring."""

    wheels: tuple[str, ...]  # that bring what is missing; none when no wheel is known to
    each: tuple[tuple[str, ...], ...] = ()  # of several libraries: for each the wheels, any will do
    names: tuple[str, ...] = ()  # of what is missing
    held: tuple[str, ...] = ()  # the files that are there, and that no search leads to


class UnfitLibrary(MissingLibrary):
    """The copy of a library that the loader takes lacks what is asked of it."""

    path: str | None = None  # of that copy; None = no single library should have it
    chosen_by: str | None = None  # the loader's rule: "LD_LIBRARY_PATH", "cache"; None = not told
    versions: tuple[str, ...] = ()  # of symbols, that it does not define; the highest last


class VcRuntime(Payload):
    """DLLs of the Visual C++ runtime that are missing, or of which an old copy is loaded."""

    names: tuple[str, ...]
    path: str | None = None  # of the old copy


class LongPath(Payload):
    """A path that Windows does not take."""

    over: int  # characters too many


class DamagedDistribution(DistributionFault):
    """Files that a distribution installed are gone or altered, or ask in vain for something."""

    version: str | None  # None = not known
    location: str = ""  # of the copy: its site folder, or conda's prefix; "" where none is recorded
    sound: bool = False  # they are as they were installed
    static_tls: int = 0  # bytes of it that they need and the process has not left


class LeftBehind(Payload):
    """Packages in a folder of the environment that only another Python searches."""

    folder: str
    version: str  # of that Python
    packages: tuple[str, ...]  # "torch==2.9.0"


class UnfitVariant(DistributionFault):
    """A wheel variant, or a build of conda's, that is for another machine."""

    version: str
    build: str | None  # of conda's, that would fit, as in a MatchSpec: "cuda12*"; None: of a wheel


class StrayWheel(DistributionFault):
    """A wheel of CUDA libraries of another major than the one that is wanted here."""

    required_by: tuple[str, ...]
    requested: bool  # somebody asked for it by name
    shared_with: tuple[str, ...]  # distributions that own some of its files too


class UnmetRequirement(Frozen):
    """One requirement that does not hold."""

    name: str
    wanted: str  # as an installer is asked for it: "b[x]>=1"
    installed: str | None  # version; None = absent
    direct: bool  # on an address of its own: "name @ https://…"


class UnmetRequirements(DistributionFault):
    """What a distribution declares that it requires, and what is not so."""

    unmet: tuple[UnmetRequirement, ...]


class AbsentModule(DistributionFault):
    """A distribution's import asks for a module that no installed package has."""

    module: str
    of: str | None  # the package that should have it
    further: tuple[str, ...] = ()  # modules that it asks for in vain as well


class NoneOfSeveral(DistributionFault):
    """A distribution needs one of several others, and none is installed."""

    names: tuple[str, ...]


class AbsentDepends(Payload):
    """Packages that one of conda's depends on, and that are not installed."""

    package: str  # as conda spells it
    specs: tuple[str, ...]  # MatchSpecs: "libstdcxx >=13"


class KnownConflict(Payload):
    """Installed versions that are known not to work together."""

    conflict: str  # its id in the table
    remedies: tuple[tuple[str, ...], ...]  # alternatives, each the requirements to install


class MismatchedPair(Payload):
    """Two distributions that must agree and do not, as the table of families names them."""

    one: str
    other: str


class RivalDistributions(Payload):
    """Installed distributions that lay the same files, of which one may be there."""

    distributions: tuple[str, ...]


class UnchosenLibrary(DistributionFault):
    """A distribution has no library for torch's CUDA among those that it has for each."""


class LostGpuLibraries(DistributionFault):
    """A distribution's GPU part finds libraries nowhere; the wheels that could bring them."""

    wheels: tuple[str, ...]


class UnsearchedLibraries(Payload):
    """Libraries that are there, in folders where what opens them does not look."""

    held: tuple[str, ...]


class AbsentGpuPart(DistributionFault):
    """A framework without a GPU part, or with a piece of one."""

    present: tuple[str, ...]
    lacking: tuple[str, ...]  # beside what is present


class FileOwners(Payload):
    """Distributions that own the same file with different content."""

    owners: tuple[str, ...]


class HsaOverride(Payload):
    """An AMD GPU that torch has no code for, and the value that lets it pose as a relative."""

    arch: str
    value: str | None  # of HSA_OVERRIDE_GFX_VERSION; None = none of low risk


DriverState: TypeAlias = Literal[
    "absent",  # neither its library nor its device nodes are here
    "library",  # no libcuda.so.1
    "stub",  # the toolkit's libcuda.so.1
    "mismatch",  # the library is of another version than the kernel module
    "nodes",  # no device nodes
    "denied",  # this user may not open them
    "error",  # it answers with one
    "too old",  # for torch's CUDA
    "unfit",  # its branch or kernel modules do not drive the GPU
]


class DriverFault(Payload):
    """Why a vendor's driver cannot be used."""

    vendor: Vendor
    state: DriverState


class UnfitDriver(DriverFault):
    """What a driver must be, to drive an architecture: None = either will do."""

    arch: str
    least: str | None  # a version or branch that all the needs ask for
    last: str | None  # the last branch
    flavour: Literal["open", "proprietary"] | None  # of the kernel modules


class OldDriver(DriverFault):
    """A driver that does not serve the CUDA of packages other than torch."""

    cuda: str


class ToolkitInUse(Payload):
    """The toolkit that a build would use, and that does not suit."""

    kind: Literal["cuda", "rocm"]
    version: str


class MissingHeaders(Payload):
    """Headers that torch's own include, and that the toolkit in use lacks."""

    headers: tuple[str, ...]


class RocmHeaders(Payload):
    """ROCm's wheels without the headers for builds."""

    root: str | None  # where they are unpacked
    packed: bool = False  # rocm-sdk-devel is installed


class HiddenToolkit(Payload):
    """A toolkit whose nvcc is called through a wrapper that lies elsewhere."""

    root: str


class MissingTool(Payload):
    """A program or package that a build needs."""

    name: str
    direct: bool  # required from an address of its own: "name @ https://…"


class MissingRequirements(MissingTool):
    """Packages that one file requires for a build."""

    others: tuple[str, ...]  # besides the first


class MissingModules(Payload):
    """Modules that a build file imports, and for each the distribution that holds it, "" for none known."""

    modules: tuple[str, ...]
    distributions: tuple[str, ...]


class JobLimit(Payload):
    """How many compilers fit into memory at once."""

    jobs: int


class EnvironmentVariable(Payload):
    """A variable that does harm, or whose absence does."""

    name: str
    value: str | None = None  # the back end that it, or the default in its place, chooses
    path: str | None = None  # the project's file that reads it
    rest: str | None = None  # of its value what does no harm, and stays


class Switched(Payload):
    """A variable that has packages take what is not here, or the CPU. `by`: the code that sets it."""

    variable: str
    wants: tuple[str, ...]  # of which one would do
    by: str | None
    off: str | None = None  # a value that leaves it off, where the code sets it only if it is unset


class HiddenModule(Payload):
    """A file or folder that stands before an installed module of the same name."""

    path: str


class NameTaken(DistributionFault):
    """A distribution that is not what its name lets people expect, and what they mean."""

    meant: str  # in words
    instead: str | None  # what brings it; None: other releases of it, or nothing that is known


class StaleBuild(Payload):
    """What an earlier build left behind, to be removed as a whole."""

    path: str


class StaleLock(Payload):
    """A lock file that no living process holds."""

    path: str


class RasteriserCall(Frozen):
    """One call that makes a context of nvdiffrast."""

    line: int
    name: str  # "RasterizeGLContext", "RasterizeCudaContext", "RastContext"


class RasteriserCalls(Payload):
    """Calls in one file that make a context which does not work here."""

    path: str
    calls: tuple[RasteriserCall, ...]
    wanted: Literal["cuda", "gl"]  # the other one


NodeRemedy: TypeAlias = Literal[
    "device-nodes",
    "drain",
    "examine",
    "fabric-manager",
    "fabric-version",
    "free-memory",
    "gpudirect",
    "iommu",
    "acs",
    "link",
    "lock-memory",
    "mig-instances",
    "mode-pending",
    "compute-mode",
    "numa-balancing",
    "persistence",
    "port",
    "reboot",
    "reload-driver",
    "reset",
    "shm",
    "slot",
    "subnet-manager",
    "supply",
    "update",
    "variable",
    "verbs",
    "xid",
]


class NodeFault(Payload):
    """What an administrator of a node can do about a fault of it."""

    remedy: NodeRemedy
    gpu: int | None = None  # its number for nvidia-smi
    name: str = ""  # of a variable
    xid: int | None = None
