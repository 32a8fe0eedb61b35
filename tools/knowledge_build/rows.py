"""What a row may hold, file by file: unknown keys, missing ones and empty sources are refused."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.functional_validators import AfterValidator

from .sources import real_source

Platform = Literal["linux_x86_64", "linux_aarch64"]
# measured: read in the binaries. high, medium: a build script, or several that agree. The rest is a
# guess, by which nothing is called a fault.
Confidence = Literal["measured", "measured-by-user", "high", "medium", "low", "unverified"]


def _specifier(text: str) -> str:
    SpecifierSet(text.split(";")[0])
    return text


def _version(text: str) -> str:
    Version(text)
    return text


def _requirement(text: str) -> str:
    if Requirement(text).name != "torch":
        raise ValueError(f"{text!r} is no requirement of torch")
    return text


def _versions(text: str) -> str:
    for version in text.split():
        Version(version)
    return text


def _with_extra(text: str) -> str:
    if not Requirement(text).extras:
        raise ValueError(f"{text!r} names no extra")
    return text


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


Source = Annotated[str, AfterValidator(real_source)]
Specifier = Annotated[str, AfterValidator(_specifier)]
Number = Annotated[str, AfterValidator(_version)]
_ARCHS = r"(sm_\d+|gfx[0-9a-f]+)( (sm_\d+|gfx[0-9a-f]+))*"
Archs = Annotated[str, Field(pattern=f"^{_ARCHS}$")]
Ptx = Annotated[str, Field(pattern=f"^({_ARCHS})?$")]
Cuda = Annotated[str, Field(pattern=r"^\d+\.\d+$")]


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Variant(Row):
    """One build of a release. Left out: not known. `limited`: not advertised, or disputed."""

    archs: Archs
    ptx: Ptx | None = None
    abi: Literal[0, 1] | None = None
    source: Source
    confidence: Confidence
    note: str | None = None
    limited: bool = False


class CppExtension(Row):
    """What torch/utils/cpp_extension.py accepts, or the release whose tables are the same."""

    same_as: str | None = None
    gcc: dict[Cuda, list[Number]] | None = None
    clang: dict[Cuda, list[Number]] | None = None
    archs: str | None = None
    named: dict[str, str] | None = None
    native: bool | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> CppExtension:
        own = [self.gcc, self.clang, self.archs, self.named, self.native]
        if any(part is None for part in own) and (self.same_as is None or any(own)):
            raise ValueError("either same_as, or all of gcc, clang, archs, named and native")
        return self


class TorchRelease(Row):
    """torch/X.Y.Z.toml. What has no source of its own was read in `wheel`."""

    date: Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\d$")]
    wheel: Annotated[Source, Field(pattern=r"^torch-.*\.whl$")]
    requires_python: Specifier
    cxx_std: Literal[14, 17, 20, 23]
    numpy2: bool
    variants_source: Source
    python: dict[Platform, Annotated[str, Field(pattern=r"^cp3\d+t?( cp3\d+t?)*$")]]
    default: dict[Platform, str]
    pins: dict[str, Specifier]
    cpp_extension: CppExtension
    variants: dict[Platform, dict[str, Variant]]

    @model_validator(mode="after")
    def _default_exists(self) -> TorchRelease:
        for platform, name in self.default.items():
            if name != "cpu" and name not in self.variants.get(platform, {}):
                raise ValueError(f"default.{platform}: there is no variants.{platform}.{name}")
        if "linux_x86_64" not in self.default or "linux_x86_64" not in self.python:
            raise ValueError("default and python need linux_x86_64")
        return self


class Companion(Row):
    """companions/NAME.toml. requires: version -> its requirement of torch in its METADATA.

    A version that names no torch range says in `since` with which release it came out. One that
    takes more than its libraries load with says in `until` the last release that it is known to suit.
    `undeclared`: the METADATA names no torch, and `requires` is what the project says elsewhere.
    """

    source: Source
    undeclared: bool = False
    requires: dict[Number, Annotated[str, AfterValidator(_requirement)]] = {}
    since: dict[Number, Number] = {}
    until: dict[Number, Number] = {}


def _of_torch(text: str) -> str:
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", text):
        SpecifierSet(text)
    return text


def _template(text: str) -> str:
    unknown = set(re.findall(r"\{(.*?)\}", text)) - FIELDS
    if unknown:
        raise ValueError(f"{text!r}: there is no {{{min(unknown)}}}")
    return text


# What the names of wheels and pages are made of.
FIELDS = frozenset(
    [
        "name",
        "version",
        "release",
        "minor",
        "short",
        "digits",
        "variant",
        "local",
        "major",
        "abi",
        "python",
        "platform",
    ]
)
TorchName = Annotated[str, AfterValidator(_of_torch)]
Template = Annotated[str, AfterValidator(_template)]
WheelCuda = Annotated[str, Field(pattern=r"^(cpu|torch|\d\d|cu\d{3}|rocm\d+(\.\d+){1,2})$")]
Day = Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\d$")]


class Without(Row):
    """Combinations that were not published: of all that is said here."""

    torch: TorchName | None = None
    cuda: WheelCuda | None = None
    python: str | None = None
    abi: Literal[0, 1] | None = None
    platform: Platform | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Without:
        if not self.model_dump(exclude_none=True):
            raise ValueError("says nothing")
        return self


class ListedCode(Row):
    """The GPU code in a wheel's library for these CUDA builds: "sm_90", "compute_90" for PTX."""

    cuda: list[WheelCuda]
    archs: Annotated[str, Field(pattern=r"^(sm|compute)_\d+[af]?( (sm|compute)_\d+[af]?)*$")]


class Wheels(Row):
    """A block of a listing: each combination of its values is published, but `without`.

    torch: minors ("2.8"), releases ("2.8.0") or ranges. cuda: builds ("cu128", "cpu"), majors
    ("12"), "torch" for each build of that torch; left out, any. python: tags, ">=3.9" for wheels
    of any CPython, "torch" for torch's own. abi left out: the C++ ABI of torch's own wheels.
    `declared`: the versions that companions/NAME.toml has for a release. At most one of `index`
    (one of torch's), `page` (of links) and `file`; none of them is the package index. `code`: where it was
    read from the wheels.
    """

    versions: list[str] = []
    declared: bool = False
    torch: list[TorchName] = []
    cuda: list[WheelCuda] = []
    python: Annotated[str, Field(pattern=r"^(torch|>=3\.\d+|cp3\d+t?( cp3\d+t?)*)$")]
    abi: list[Literal[0, 1]] = []
    platforms: list[Platform]
    without: list[Without] = []
    requirement: Template = "{name}=={version}"
    index: Template | None = None
    page: Annotated[Template, Field(pattern="^https://")] | None = None
    file: Annotated[Template, Field(pattern=r"^https://.*\.whl$")] | None = None
    code: list[ListedCode] = []
    source: Source

    @model_validator(mode="after")
    def _one_place(self) -> Wheels:
        if sum(place is not None for place in (self.index, self.page, self.file)) > 1:
            raise ValueError("at most one of index, page and file")
        if self.declared == bool(self.versions) or self.declared == bool(self.torch):
            raise ValueError("either declared, or versions and torch")
        for version in self.versions:
            if version != "*":
                Version(version)
        return self


class Listing(Row):
    """listings/NAME.toml: the published wheels of a package that is built for torch or CUDA.

    `read`: the day on which that was read. `also`: other distributions of the same package.
    `pure`: the package index has a wheel of it that fits any torch. `follows`: its wheels there are for
    the build of torch that is there, too. `none`: the source that there
    are no wheels.
    """

    read: Day
    also: list[str] = []
    pure: bool = False
    follows: bool = False
    none: Source | None = None
    wheels: list[Wheels] = []

    @model_validator(mode="after")
    def _says_something(self) -> Listing:
        if bool(self.wheels) == bool(self.none):
            raise ValueError("either wheels, or none")
        return self


class Toolkit(Row):
    driver_min: str
    driver_full: str | None = None
    sm: str
    ptx: Cuda
    gcc: int
    clang: int | None = None
    source: Source
    confidence: Confidence


class Branch(Row):
    cuda: Cuda
    source: Source


class MathHeaders(Row):
    """crt/math_functions.h from a toolkit on: the newest glibc that it agrees with, if one is known."""

    since: Cuda
    glibc: Cuda | None = None


class Toolkits(Row):
    """cuda/toolkits.toml. A driver's branch is the first number of a toolkit's driver_full;
    `branches` are those that came with no toolkit."""

    driver_source: Source
    math_source: Source
    math_headers: list[MathHeaders]
    toolkit: dict[Cuda, Toolkit]
    branches: dict[str, Branch]


class NvccPackage(Row):
    versions: list[Number]
    nvcc: bool
    ptxas: bool
    source: Source


class CudaLibrary(Row):
    """sonames: CUDA major -> version in the SONAMEs. first: the CUDA major from which on there is one. below:
    where its libraries lie in its own folder."""

    stems: list[str]
    sonames: dict[Annotated[str, Field(pattern=r"^\d+$")], Number] = {}
    suffixed: bool = False
    first: int = 11
    below: str = "lib"
    source: Source


class CudaWheels(Row):
    """cuda/wheels.toml. toolkit: version of cuda-toolkit -> extra -> its pins."""

    source: Source
    nvcc: dict[str, NvccPackage]
    toolkit: dict[Number, dict[str, list[str]]]
    library: dict[str, CudaLibrary]


class Products(Row):
    arch: Archs
    names: list[str]
    source: Source


class Pattern(Row):
    regex: Annotated[str, AfterValidator(_regex)]
    arch: Archs


class Nvidia(Row):
    """gpus/nvidia.toml. Of the patterns the first that is found decides."""

    pattern_source: Source
    soc: list[Archs]
    ambiguous: dict[str, list[str]]
    series: dict[Annotated[str, Field(pattern=r"^\d{2}$")], Archs]
    generations: dict[Annotated[str, Field(pattern=r"^[a-z0-9 ]+$")], Archs]
    products: list[Products]
    pattern: list[Pattern]


DriverNumber = Annotated[str, Field(pattern=r"^\d{3}$")]


class DriverArchitecture(Row):
    """The driver branches for one architecture, or for those of its products that the row names.

    `worked`: a flavour outside `flavours` that was seen at work all the same.
    """

    arch: Annotated[str, Field(pattern=r"^sm_\d+$")]
    name: str
    names: list[str] = []
    ids: list[Annotated[str, Field(pattern=r"^[0-9a-f]{4}$")]] = []
    first: DriverNumber | None = None
    first_source: Source | None = None
    confidence: Confidence | None = None
    last: DriverNumber | None = None
    flavours: list[Literal["proprietary", "open"]] = []
    worked: Source | None = None
    source: Source

    @model_validator(mode="after")
    def _first_is_told(self) -> DriverArchitecture:
        if self.first and not (self.first_source and self.confidence):
            raise ValueError("first needs first_source and confidence")
        return self


class DriverBranch(Row):
    """`kind`: LTSB lives three years, PB one, NFB until the next."""

    cuda: Cuda | None = None
    kind: Literal["LTSB", "PB", "NFB"] | None = None
    end_of_life: Annotated[str, Field(pattern=r"^20\d\d-\d\d$")] | None = None
    ended: bool
    source: Source


class DriverPackage(Row):
    """An administrator's command for a branch, by the kernel modules' flavour."""

    distributions: list[str]
    open: str
    proprietary: str | None = None
    source: Source


class Drivers(Row):
    """gpus/drivers.toml. pci: architecture -> spans of PCI device ids, and their source."""

    architecture: list[DriverArchitecture]
    branch: dict[DriverNumber, DriverBranch]
    pci: dict[str, str]
    package: list[DriverPackage]

    @model_validator(mode="after")
    def _spans_are_apart(self) -> Drivers:
        real_source(self.pci["source"])
        spans = sorted(
            (span.split("-")[0], span.split("-")[-1])
            for arch, text in self.pci.items()
            if arch != "source"
            for span in text.split()
        )
        for (first, last), (after, _) in pairwise(spans):
            if not first <= last < after:
                raise ValueError(f"pci: {first}-{last} and {after} overlap")
        return self


class TritonToolchain(Row):
    """From a Triton release on. See triton.toml."""

    since: Number
    program: str
    variable: str
    newer: str | None = None
    newer_from: int | None = None
    newer_variable: str | None = None
    cuda: Cuda | None = None


class Triton(Row):
    """triton.toml, oldest first."""

    source: Source
    toolchain: list[TritonToolchain]
    ships: dict[Number, list[Cuda]]


class NodeLimit(Row):
    """A number that a reading is held against. See node.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)

    id: str
    over: int | None = None
    least: int | None = Field(None, alias="from")
    unit: str
    source: Source

    @model_validator(mode="after")
    def _one_of_both(self) -> NodeLimit:
        if (self.over is None) == (self.least is None):
            raise ValueError("one of `over` and `from` must be given")
        return self


class NodeCounter(Row):
    """A counter of an RDMA port."""

    name: str
    file: str
    per: Literal["second", "minute", "rise"]
    over: int


class Sourced(Row):
    """Where a table is from."""

    source: Source


class NodeReplays(Sourced):
    """Replays of PCIe a minute and a lane, by generation."""

    per_lane: list[float]


class XidAction(Row):
    """What NVIDIA's catalogue would have done."""

    severity: Literal["warning", "advice"]
    do: str


class NodeTable(Row):
    """node.toml."""

    limit: list[NodeLimit]
    replays: NodeReplays
    counters: Sourced
    counter: list[NodeCounter]
    actions: dict[str, XidAction]
    xids: Sourced
    xid: dict[str, Annotated[list[str], Field(min_length=3, max_length=3)]]

    @model_validator(mode="after")
    def _actions_exist(self) -> NodeTable:
        for number, (_, _, action) in self.xid.items():
            if action not in self.actions or not number.isdecimal():
                raise ValueError(f"xid: {number}: {action!r} is no action")
        return self


class Gfx(Row):
    products: list[str]
    wave: Literal[32, 64]
    family: str


class Override(Row):
    """A value of HSA_OVERRIDE_GFX_VERSION. text: the risk, as the source tells it."""

    value: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    risk: Literal["low", "high", "unverified"]
    text: str
    source: Source


class Rocm(Row):
    """The tier of the best-supported product of each gfx."""

    supported: list[Archs]
    deprecated: list[Archs] = []
    unsupported: list[Archs] = []
    source: Source


class Amd(Row):
    """gpus/amd.toml."""

    gfx_source: Source
    gfx: dict[str, Gfx]
    override: dict[str, Override]
    rocm: dict[str, Rocm]


class Conflict(Row):
    """Holds when each distribution of `trigger` is installed in its range, and none of `without`; "python" is the interpreter.

    remedies: alternatives.
    """

    id: str
    trigger: dict[str, Specifier]
    without: list[str] = []
    symptom: str
    remedies: list[dict[str, Specifier]]
    declared: bool = False
    raises: bool = False
    source: Source


class KnownGood(Row):
    pins: dict[str, Number]
    source: Source


class Conflicts(Row):
    """conflicts.toml."""

    conflict: list[Conflict]
    known_good: dict[str, KnownGood]


class Plugin(Row):
    """A library that native code opens by its path.

    finds: who looks for what it opens: wheels, the package itself, in NVIDIA's wheels; loader, the
    dynamic loader alone; pathfinder, cuda.pathfinder, whatever the version. beside: without one of
    these distributions nobody asks for it.
    """

    library: str
    distributions: list[str]
    versions: Specifier = ""
    opens: list[str] = []
    finds: Literal["wheels", "loader", "pathfinder"] = "wheels"
    beside: list[str] = []
    asked: bool
    source: Source


class Plugins(Row):
    """plugins.toml."""

    plugin: list[Plugin]


class AddedFolders(Row):
    """The folders that a package has searched for DLLs when it is imported on Windows."""

    package: str
    folders: list[str]
    loads: str = ""
    source: Source


class AcceptedMsvc(Row):
    """The toolsets that nvcc accepts from a CUDA release on: at least, and below."""

    cuda: str
    least: str
    below: str
    source: Source


_ROCM = r"^\d+\.\d+$"


class HipVersion(Row):
    """HIP's version in a ROCm; apart: one that pre-releases of it said."""

    rocm: str = Field(pattern=_ROCM)
    hip: str = Field(pattern=_ROCM)
    apart: str | None = None
    source: Source


class HipRow(Row):
    """What HIP has of some names of CUDA's. See hip.toml."""

    names: list[str] = Field(min_length=1)
    since: str | None = Field(None, pattern=_ROCM)
    opt_in: str | None = Field(None, pattern=_ROCM)
    until: str | None = Field(None, pattern=r"^(\d+\.\d+)?$")
    partial: str | None = None
    where: str | None = None
    means: str | None = None
    fixed: str | None = Field(None, pattern=_ROCM)
    only_if: Literal["mask", "rows"] | None = None
    hipify: Literal["kept"]
    instead: str = ""
    source: Source

    @model_validator(mode="after")
    def _one_of_both(self) -> HipRow:
        if (self.since is None) == (self.until is None):
            raise ValueError("a row says `since` or `until`")
        if (self.means is None) != (self.fixed is None):
            raise ValueError("`means` and `fixed` go together")
        return self


class Hip(Row):
    """hip.toml."""

    source: Source
    version: list[HipVersion]
    row: list[HipRow]


class RocmFamily(Row):
    """Libraries of ROCm with the code for the GPUs of a family inside."""

    gfx: list[Annotated[str, Field(pattern=r"^gfx[0-9a-f]{3,4}$")]] = Field(min_length=1)
    index: str | None = None
    source: Source


class KernelFolder(Row):
    """A library of ROCm whose kernels lie in files."""

    library: str
    kind: str
    folder: str
    variable: str | None = None
    needed: bool
    says: str
    source: Source


class RocmWheels(Row):
    """rocm_wheels.toml."""

    source: Source
    index: str
    family_index: str
    placeholder_below: str
    placeholder_source: Source
    placeholders: list[str]
    apart: dict[str, str]
    family: dict[str, RocmFamily]
    kernels: list[KernelFolder]


class Windows(Row):
    """windows.toml. source: of the lists of DLLs."""

    source: Source
    own: list[str]
    runtime: list[str]
    others: list[str]
    elsewhere: list[str]
    adds: list[AddedFolders]
    msvc: list[AcceptedMsvc]


Outcome = Literal["raises", "gpu", "builds", "unchecked"]
Agreement = Literal["release", "prefix", "minor", "declared", "floor", "table"]
Names = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]], Field(min_length=1)
]


class Pair(Row):
    """Two distributions, by their normalised names, that must agree; "{for}" in a name stands for each word of `for`.

    agree: release, the same version but for its local part; prefix, the version of `one` begins with
    the other's; minor, the same major.minor; declared, as `one` requires; floor, not older than the
    version that `one` pins; table, as `needs` says of `one` from a version on ("": any). moves: which is installed anew. optional: that one may be done without.
    outcome: raises, an import or a call does; gpu, what it has for the GPU is lost; builds, what is
    compiled with them fails; unchecked, nothing compares them. switch: the variable that has them not compared.
    """

    for_: Annotated[list[str], Field(alias="for", min_length=1)] = [""]
    one: str
    other: str
    agree: Agreement
    moves: Literal["one", "other"] = "one"
    optional: bool = False
    vendor: Literal["nvidia", "amd"] = "nvidia"
    needs: dict[Number, Specifier] = {}
    outcome: Outcome
    says: str
    switch: str | None = None
    source: Source


class Alone(Row):
    """Distributions of which one may be there; most lay the same files. core: what the others overwrite.

    gpu: those that bring GPU code, where not all do; asked: who installs one asks for the GPU; along: what goes with one that is removed. lost: what becomes of it, or what is printed.
    """

    distributions: Names
    gpu: list[str]
    asked: bool = True
    along: dict[str, list[str]] = {}
    core: str | None = None
    lost: str
    source: Source

    @model_validator(mode="after")
    def _gpu_is_among_them(self) -> Alone:
        if odd := set(self.gpu) - set(self.distributions):
            raise ValueError(f"gpu: {min(odd)} is none of the distributions")
        return self


class Part(Row):
    """What a framework has its GPU back end from: all of one list of `together`, or GPU code among
    the files of `code_in`. extra: the requirement that brings it, "{major}" being CUDA's; instead: the
    distribution that takes its place; build: the variables with which its source is built for the GPU,
    "{archs}" being "86;90"; headers: what that build includes of the toolkit; by_hand: the command that
    builds or brings it."""

    framework: str
    vendor: Literal["nvidia", "amd"]
    together: list[Names]
    code_in: list[str] = []
    extra: str | None = None
    instead: str | None = None
    build: dict[str, str] = {}
    headers: list[str] = []
    by_hand: str | None = None
    says: str
    source: Source


class Libraries(Row):
    """What brings the CUDA libraries of a distribution: an extra, at the installed version.

    since: the first release that has it. opened_by: the call that opens them where they lie in NVIDIA's wheels.
    """

    extra: Annotated[str, AfterValidator(_with_extra)]
    since: Number | None = None
    opened_by: str | None = None
    source: Source


class CudaMajors(Row):
    """The CUDA major of a distribution's builds on the package index: first version -> major."""

    since: dict[Number, Annotated[int, Field(ge=10, le=20)]]
    source: Source


class Chosen(Row):
    """A package that opens the one of its libraries that is for torch's CUDA: "{cuda}" is "128".

    major_since: from this version on another of the same major will do. variable: names another CUDA.
    """

    distribution: str
    library: Annotated[str, Field(pattern=r"^lib[^/{}]*\{cuda\}[^/{}]*\.so$")]
    major_since: Number | None = None
    variable: str | None = None
    says: str
    source: Source


class Switch(Row):
    """A variable that has installed packages take something else, at a value of `on`.

    readers: who asks for it, in which versions. wants: of these distributions one must be there; none
    are named where the value takes the CPU.
    """

    variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]+$")]
    on: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]], Field(min_length=1)]
    readers: Annotated[dict[str, Specifier], Field(min_length=1)]
    wants: list[str] = []
    says: str
    source: Source


class Lookalike(Row):
    """Distributions that are not what their name lets people expect, in `versions`.

    module: what people import, and these do not have. meant: what brings it, in words. instead: the
    distribution that does, where it has another name. empty: they hold no module at all.
    """

    distributions: Names
    versions: Specifier = ""
    module: Annotated[str, Field(pattern=r"^[a-z_]\w*$")]
    meant: str
    instead: str | None = None
    empty: bool
    source: Source


class Gone(Row):
    """A module that a distribution has no more from the release `until` on. to: the distribution that has it."""

    module: Annotated[str, Field(pattern=r"^[a-z_][\w.]*$")]
    distribution: str
    until: Number
    to: str = ""
    source: Source


class OneOf(Row):
    """Distributions of which `package` needs one and declares none. also: globs of others that will do.

    extras: its own extras that bring one, by what they are for: "cuda12", "cuda13", "gpu", "cpu".
    """

    package: str
    versions: Specifier = ""
    names: Annotated[list[str], Field(min_length=2)]
    also: list[str] = []
    extras: dict[Literal["cuda11", "cuda12", "cuda13", "gpu", "cpu"], str] = {}
    what: str
    says: str
    source: Source


class Edition(Row):
    """One project under a name for each platform, in the order in which they are offered.

    each: stems that take the place of "{stem}" in the names, [""] where there is none.
    """

    each: Annotated[list[str], Field(min_length=1)] = [""]
    names: dict[Literal["cuda11", "cuda12", "cuda13", "rocm"], list[str]]
    source: Source


class Releases(Row):
    """Published versions, newest first, separated by blanks.

    pythons: first version -> the Pythons that it and those after it are for, as their metadata says. code: version -> the GPU code
    that its wheel was read to hold, "sm_80 compute_80".
    """

    source: Source
    releases: dict[str, Annotated[str, AfterValidator(_versions)]]
    pythons: dict[str, dict[Number, Specifier]] = {}
    code: dict[str, dict[Number, str]] = {}


class Family(Row):
    """families/NAME.toml."""

    family: str
    source: Source
    pair: list[Pair] = []
    alone: list[Alone] = []
    part: list[Part] = []
    chosen: list[Chosen] = []
    switch: list[Switch] = []
    lookalike: list[Lookalike] = []
    one_of: list[OneOf] = []
    gone: list[Gone] = []
    libraries: dict[str, Libraries] = {}
    cuda: dict[str, CudaMajors] = {}
    edition: list[Edition] = []
    listing: Releases | None = None


_CAPABILITY = r"\d{1,2}\.\d"
Capability = Annotated[str, Field(pattern=rf"^{_CAPABILITY}$")]
Capabilities = Annotated[str, Field(pattern=rf"^{_CAPABILITY}(-({_CAPABILITY})?)?$")]


class Dispatched(Row):
    """A library that a dispatcher takes for some compute capabilities."""

    library: str
    distributions: Annotated[list[str], Field(min_length=1)]
    since: Number | None = None
    before: Number | None = None
    capabilities: Annotated[list[Capabilities], Field(min_length=1)]
    kernels_until: Capability | None = None
    source: Source


class Dispatchers(Row):
    """dispatchers.toml."""

    dispatched: list[Dispatched]


class SystemLibrary(Row):
    """`apt`: the package in Debian 12 and 13, or one for each of them that has it."""

    apt: str | dict[Literal["12", "13"], str]
    conda: str | None = None


class Ffmpeg(Row):
    """A library's stem → the number in its SONAME → the majors of FFmpeg that have it."""

    source: Source
    debian: dict[Literal["12", "13"], list[int]]
    libavutil: dict[str, list[int]]
    libavcodec: dict[str, list[int]]
    libavformat: dict[str, list[int]]
    libavdevice: dict[str, list[int]]
    libavfilter: dict[str, list[int]]
    libswscale: dict[str, list[int]]
    libswresample: dict[str, list[int]]


class SystemLibraries(Row):
    """system_libraries.toml: SONAME → packages."""

    apt_source: Source
    conda_source: Source
    rpm_source: Source
    libraries: dict[str, SystemLibrary]
    ffmpeg: Ffmpeg


class Cap(Row):
    """From `since` on, `needs`; "-": no longer a dependency, "": any version."""

    since: Number
    needs: str


class Caps(Row):
    """caps.toml, a table a package: what its versions declare about others."""

    source: Source
    caps: dict[str, list[Cap]]


class CondaArchs(Row):
    """TORCH_CUDA_ARCH_LIST of the builds for `cuda`, from torch release `since` on."""

    cuda: Cuda
    since: Number
    archs: Archs
    ptx: Ptx


class CondaBuilds(Row):
    """The CUDA versions that a release was built for, by platform, and the Pythons."""

    python: Annotated[str, Field(pattern=r"^3\.\d+( 3\.\d+)*$")]
    linux_x86_64: list[Cuda]
    linux_aarch64: list[Cuda]


class CondaPytorch(Row):
    """conda/pytorch.toml."""

    source: Source
    archs: list[CondaArchs]
    release: dict[Number, CondaBuilds]

    @model_validator(mode="after")
    def _archs_exist(self) -> CondaPytorch:
        known = {row.cuda for row in self.archs}
        for version, row in self.release.items():
            if missing := {*row.linux_x86_64, *row.linux_aarch64} - known:
                raise ValueError(f"release.{version}: no archs are known of {min(missing)}")
        return self


class CondaNames(Row):
    """conda/names.toml. conda's name -> distributions, normalised."""

    source: Source
    names: dict[str, Annotated[list[str], Field(min_length=1)]]


class RemovedName(Row):
    package: str
    since: Number
    source: int
    until: Number | None = None
    instead: str | None = None
    raises: bool = False


class RemovedCxxRow(Row):
    """Names that a release of CUDA, CCCL, torch or numpy took away; knowledge/removed_cxx.toml explains the keys."""

    names: list[str]
    kind: Literal[
        "scoped", "call", "word", "header", "field", "regex", "arguments", "trailing", "template"
    ]
    gone: str
    do: str
    source: Source
    use: list[str] = []
    becomes: list[str] = []
    now: list[str] = []
    helper: str | None = None
    includes: list[str] = []
    wrap: bool = False
    hip: bool = False
    pattern: str | None = None
    trigger: str | None = None
    counts: list[int] = []
    device: int | None = None
    of: int | None = None
    attribute: list[str] = []
    torch_header: str | None = None
    torch_word: str | None = None
    package: Literal["numpy"] | None = None

    @model_validator(mode="after")
    def _fits(self) -> RemovedCxxRow:
        for key in ("becomes", "now", "attribute"):
            given = getattr(self, key)
            if given and len(given) not in (1, len(self.names)):
                raise ValueError(f"{self.names[0]}: {key} needs one value, or one for each name")
        if (self.kind == "regex") != bool(self.pattern and self.trigger):
            raise ValueError(
                f"{self.names[0]}: a regex has a pattern and a trigger, others have none"
            )
        if (self.gone == "torch") != bool(self.torch_header):
            raise ValueError(f"{self.names[0]}: torch's names have a header, others have none")
        return self


class RemovedCxx(Row):
    """removed_cxx.toml."""

    helpers: dict[str, str]
    removed: list[RemovedCxxRow]

    @model_validator(mode="after")
    def _helpers_exist(self) -> RemovedCxx:
        unknown = [
            row.helper for row in self.removed if row.helper and row.helper not in self.helpers
        ]
        if unknown:
            raise ValueError(f"there is no helper {unknown[0]}")
        names = [
            name
            for row in self.removed
            for name in row.names
            if row.kind not in ("template", "trailing")
        ]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"{sorted(twice)[0]}: stands twice")
        return self


class RemovedNames(Row):
    """data/removed_names.json; `came`: names of torch -> the minor version that brought them.

    `python`: names of the standard library -> the last Python that has it, and what takes its place.
    """

    sources: list[Source]
    names: dict[str, RemovedName]
    came: dict[str, str]
    came_source: Source
    python: dict[str, Annotated[list[str], Field(min_length=2, max_length=2)]]
    python_source: Source

    @model_validator(mode="after")
    def _sources_exist(self) -> RemovedNames:
        for name, row in self.names.items():
            if not 0 <= row.source < len(self.sources):
                raise ValueError(f"names.{name}: there is no source {row.source}")
        return self


class Successors(Row):
    """data/successors.json: name -> what takes its place, and a requirement that still has it; "" where not known.

    A name is a module's (`moviepy.editor`), a class's (`DataFrame.append`) or an argument (`Client(proxies)`).
    `majors`: package -> the release of which most of the code that is older than it fails.
    """

    source: Source
    names: dict[str, Annotated[list[str], Field(min_length=2, max_length=2)]]
    majors: dict[str, Number]


class SystemHeaders(Row):
    """data/system_headers.json: header or folder/ -> Debian's package, conda-forge's."""

    sources: dict[str, Source]
    headers: dict[str, list[str | None]]


class ImportNames(Row):
    """data/import_names.json: module -> what pip is asked for; `hints`: a sentence for some of them.

    `parts`: a module of Python itself -> the package of Debian whose headers its build wants.
    """

    source: Source
    names: dict[str, str]
    hints: dict[str, str]
    parts_source: Source
    parts: dict[str, str]

    @model_validator(mode="after")
    def _hints_have_names(self) -> ImportNames:
        if loose := self.hints.keys() - self.names.keys():
            raise ValueError(f"hints.{sorted(loose)[0]}: there is no such name")
        return self


class NameSpan(Row):
    """The first and the last of the listed wheels that define names, the next one after the last, and the one
    in which they came back.
    """

    first: str | None = None
    last: str | None = None
    without: str | None = None
    again: str | None = None
    names: str

    @model_validator(mode="after")
    def _says_something(self) -> NameSpan:
        if not (self.first or self.last) or bool(self.last) != bool(self.without):
            raise ValueError("first, or last and without")
        if self.again and not self.last:
            raise ValueError("again without last")
        return self


class NameHistory(Row):
    """data/name_history.json.xz: package -> the releases read, and names by those that have them; who imports which of them.

    `renamed`: the end of a class's name, with an argument -> the argument that took its place.
    """

    source: Source
    releases: dict[str, list[str]]
    packages: dict[str, list[NameSpan]]
    renamed: dict[str, str]
    askers: dict[str, dict[str, list[str]]]


class Message(Row):
    id: str
    texts: list[str]
    rule: str | None
    what: str
    do: str
    source: str
    role: Literal["cause", "symptom", "unknown", "notice", "wrapper"] = "cause"
    versions: str | None = None
    near: list[str] = []
    unless: list[str] = []
    refine: str | None = None
    cuda: list[int] = []


class Messages(Row):
    """messages/NAME.json."""

    sources: dict[str, Source]
    messages: list[Message]

    @model_validator(mode="after")
    def _sources_exist(self) -> Messages:
        for row in self.messages:
            if row.source not in self.sources:
                raise ValueError(f"messages: {row.id}: there is no source {row.source!r}")
        return self


class CudaErrors(Row):
    """messages/cuda_errors.json: number -> name and text."""

    source: Source
    errors: dict[str, list[str]]
