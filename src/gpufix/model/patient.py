"""Facts about the environment under examination: its Python and what is installed for it."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from gpufix.model.base import Model


class PthFile(Model):
    """A .pth file: the folders it adds, and whether it runs code at start-up (never run by us)."""

    path: str
    paths: list[str] = field(default_factory=list)
    runs_code: bool = False


class OtherSite(Model):
    """A folder of the environment for another Python's packages, which this one does not search."""

    folder: str
    version: str  # "3.11"
    packages: list[str] = field(default_factory=list)  # "torch==2.9.0", as their metadata is named


class Python(Model):
    """The patient's interpreter, as its own isolated probe describes it."""

    executable: str
    program: str | None = None  # what runs, where the executable is a wrapper that starts it
    version: str  # "3.11.7"
    implementation: str = "cpython"
    tag: str  # "cp311", "cp313t"
    soabi: str | None = None  # "cpython-311-x86_64-linux-gnu"
    extension_suffixes: list[str] = field(default_factory=list)
    machine: str | None = None
    prefix: str
    base_prefix: str
    kind: Literal["venv", "uv", "conda", "system", "pyenv", "embedded", "other"]
    externally_managed: str | None = None  # path of the PEP 668 marker
    site_dirs: list[str] = field(
        default_factory=list
    )  # folders that hold distributions, in sys.path order
    user_site: str | None = None  # only when it is enabled and exists
    sys_path: list[str] = field(
        default_factory=list
    )  # as a start in this environment has it: PYTHONPATH first, no cwd
    pth_files: list[PthFile] = field(default_factory=list)
    include: str | None = None  # where Python.h should be
    has_headers: bool = False
    libpython: str | None = None  # shared libpython, None = linked in
    platform: str = "linux"  # its sys.platform: "win32"
    chosen: str | None = None  # why this one is the patient: "the active environment"
    other_sites: list[OtherSite] = field(default_factory=list)
    hollow: list[str] = field(default_factory=list)  # packages without __init__.py and metadata


class Record(Model):
    """What a distribution's RECORD says against what is there: counts and exceptions only."""

    files: int = 0
    missing: list[str] = field(
        default_factory=list
    )  # paths as recorded, relative to the site folder
    altered: list[str] = field(default_factory=list)
    missing_count: int = 0  # lists are cut; counts are not
    altered_count: int = 0
    pointers: list[str] = field(default_factory=list)  # altered ones that are pointers of Git LFS
    emptied: list[str] = field(default_factory=list)  # altered ones of which nothing is left


class WheelVariant(Model):
    """Which variant a wheel was installed as: its variant.json (PEP 825, a draft)."""

    label: str
    properties: list[str] = field(default_factory=list)  # "nvidia :: sm_arch :: 120_real"


class Distribution(Model):
    """One installed Python distribution. `name` is normalised (PEP 503).

    `source` "conda": a conda package brought it, and conda alone may change it.
    """

    name: str
    version: str
    location: str  # the site folder that holds it
    metadata: str | None = None  # the .dist-info / .egg-info path
    source: Literal["pip", "conda", "egg"] = "pip"
    installer: str | None = None
    requested: bool = False
    direct_url: str | None = None
    editable: str | None = None  # the project folder of an editable install
    gone: bool = False  # that folder, or the one it was installed from, is not there any more
    requires: list[str] = field(
        default_factory=list
    )  # Requires-Dist as written; extras' rows included
    requires_python: str | None = None
    tags: list[str] = field(default_factory=list)  # WHEEL tags
    variant: WheelVariant | None = None
    record: Record | None = None  # None = no RECORD
    package: str | None = None  # the conda package that brought it, as conda spells it
    channel: str | None = None  # conda
    build: str | None = None  # conda


class CondaPackage(Model):
    """One package of conda's, Python's or not. `name` as conda spells it.

    conda's names and Python's are two namespaces: of `libgcc` on the package index, conda's record
    says nothing. So this is no Distribution, and `depends` are no requirements of Python's.
    """

    name: str
    version: str
    prefix: str
    metadata: str  # the conda-meta path
    requested: bool = False
    depends: list[str] = field(default_factory=list)  # match specs as written: "libstdcxx >=13"
    record: Record | None = None  # existence of its files alone
    channel: str | None = None
    build: str | None = None
    brings: list[str] | None = None  # distributions of Python's that it recorded; None = not known


CondaProgram = Literal["conda", "mamba", "micromamba", "pixi"]


class CondaPrefix(Model):
    """Who manages a conda environment. `manifest`, `environment`: pixi's, where its marker names them."""

    program: CondaProgram = "conda"
    manifest: str | None = None
    environment: str | None = None


class SharedFile(Model):
    """A file that several distributions record. `holder` is whose bytes are there now.

    `behind`: a module that nobody else records, and the holder's package of that name, which Python takes.
    """

    path: str
    owners: list[str]
    differ: bool  # the recorded hashes differ
    holder: str | None = None  # an owner, "missing", or None = nobody's / not hashed
    behind: str | None = None


class Torch(Model):
    """torch read from its files, never imported. `release` is the version without local part."""

    state: Literal["ok", "broken"]
    location: str
    version: str | None = None  # "2.7.1+cu128"
    release: str | None = None  # "2.7.1"
    cuda: str | None = None  # "12.8"
    hip: str | None = None  # "6.4.43483": HIP's own version
    rocm: str | None = None  # "6.4", "7.13.0": the ROCm it was built with; None = not told
    variant: str | None = None  # "cu128", "cpu", "rocm6.4", "xpu"; None = unknown
    build: Literal["release", "nightly", "container", "source"] | None = None
    cxx11_abi: bool | None = None
    git_version: str | None = None
    missing: list[str] = field(
        default_factory=list
    )  # files without which `import torch` cannot work


class CacheEntry(Model):
    """One extension in a JIT cache (torch_extensions and those laid out like it)."""

    cache: str  # "torch_extensions", "nvdiffrast", ...
    path: str
    name: str
    key: str | None = None  # "py311_cu128"
    own: bool | None = None  # the patient's torch would look here; None = cannot be told
    libraries: list[str] = field(default_factory=list)
    lock: str | None = None  # path of a plain lock file
    lock_age: float | None = None  # seconds
    lock_holders: list[int] = field(
        default_factory=list
    )  # living processes that can hold it: building here, or open on it
    lock_judged: bool = True  # False = the process list could not be read


class StartVariable(Model):
    """A variable that Python sets when it starts: a line of a .pth file, or sitecustomize."""

    value: str
    place: str  # "FILE:LINE"
    default: bool = False  # only where the process has none


class Environment(Model):
    """Variables that matter. `overlay` is the environment file; None there = unset."""

    process: dict[str, str] = field(default_factory=dict)
    overlay: dict[str, str | None] = field(default_factory=dict)
    overlay_path: str | None = None
    profile: dict[str, list[str]] = field(
        default_factory=dict
    )  # NAME -> ["~/.bashrc:142: export NAME=..."] that set it
    started: dict[str, StartVariable] = field(default_factory=dict)
