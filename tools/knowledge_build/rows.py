"""What a row may hold, file by file: unknown keys, missing ones and empty sources are refused."""

from __future__ import annotations

import re
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


class FindLinks(Row):
    """Wheels on a page of their own, by torch release: version ("*": any) -> variants."""

    url: Annotated[str, Field(pattern=r"^https://.*\{release\}.*\{variant\}")]
    rows: dict[str, dict[str, list[str]]]


class Prebuilt(Row):
    """Wheels among a project's own releases: the newest version with one, by torch minor."""

    version: Number
    cuda_majors: list[str]


class Companion(Row):
    """companions/NAME.toml. requires: version -> its requirement of torch in its METADATA.

    A version that names no torch range says in `since` with which release it came out.
    """

    source: Source
    requires: dict[Number, Annotated[str, AfterValidator(_requirement)]] = {}
    since: dict[Number, Number] = {}
    find_links: FindLinks | None = None
    prebuilt: dict[str, Prebuilt] = {}


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


class Toolkits(Row):
    """cuda/toolkits.toml. A driver's branch is the first number of a toolkit's driver_full;
    `branches` are those that came with no toolkit."""

    driver_source: Source
    toolkit: dict[Cuda, Toolkit]
    branches: dict[str, Branch]


class NvccPackage(Row):
    versions: list[Number]
    nvcc: bool
    ptxas: bool
    source: Source


class CudaWheels(Row):
    """cuda/wheels.toml. toolkit: version of cuda-toolkit -> extra -> its pins."""

    source: Source
    nvcc: dict[str, NvccPackage]
    toolkit: dict[Number, dict[str, list[str]]]


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
    products: list[Products]
    pattern: list[Pattern]


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
    """Holds when each distribution of `trigger` is installed in its range. remedies: alternatives."""

    id: str
    trigger: dict[str, Specifier]
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
    """A library that native code opens by its path."""

    library: str
    distributions: list[str]
    opens: list[str] = []
    preload: str | None = None
    asked: bool
    source: Source


class Plugins(Row):
    """plugins.toml."""

    plugin: list[Plugin]


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


class RemovedNames(Row):
    """data/removed_names.json."""

    sources: list[Source]
    names: dict[str, RemovedName]

    @model_validator(mode="after")
    def _sources_exist(self) -> RemovedNames:
        for name, row in self.names.items():
            if not 0 <= row.source < len(self.sources):
                raise ValueError(f"names.{name}: there is no source {row.source}")
        return self


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
    """data/messages/NAME.json."""

    sources: dict[str, Source]
    messages: list[Message]

    @model_validator(mode="after")
    def _sources_exist(self) -> Messages:
        for row in self.messages:
            if row.source not in self.sources:
                raise ValueError(f"messages: {row.id}: there is no source {row.source!r}")
        return self


class CudaErrors(Row):
    """data/messages/cuda_errors.json: number -> name and text."""

    source: Source
    errors: dict[str, list[str]]
