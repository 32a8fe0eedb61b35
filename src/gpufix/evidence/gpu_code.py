"""The GPU code of torch and of extensions, and how it serves each target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import TypeVar

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge import torch_releases
from gpufix.knowledge.gpus.architectures import (
    CudaArch,
    GfxArch,
    cubin_serves,
    hip_serves,
    parse_arch,
    ptx_serves,
)
from gpufix.knowledge.gpus.serves import driver_reads, parse_version
from gpufix.knowledge.torch_releases import Variant
from gpufix.model import (
    ADVICE,
    ERROR,
    CodeKind,
    CodeObject,
    Facts,
    Gap,
    Library,
    Severity,
    Target,
)

T = TypeVar("T", CudaArch, GfxArch)

_OF_AMD = ("hip", "bitcode", "spirv")
# What may be compiled for any GPU of the vendor, and what is not known for what it is.
_OPEN = {"nvidia": ("lto", "other"), "amd": ("bitcode", "spirv", "other")}


class Service(Enum):
    """How a target is served. `too_new`: there is PTX for it, which its driver cannot compile."""

    native = "native"
    jit = "jit"
    too_new = "too new"
    none = "none"
    unknown = "unknown"


class SubjectCode(Frozen):
    """The GPU code of one thing. `complete` False: there may be PTX that was not seen."""

    subject: str
    objects: tuple[CodeObject, ...]
    evidence: tuple[str, ...] = ()
    complete: bool = True
    cuda: str | None = None

    def of(self, kind: str) -> tuple[CodeObject, ...]:
        """The code objects of one kind."""
        return tuple(o for o in self.objects if o.kind == kind)


def torch_code(view: View) -> SubjectCode | None:
    """torch's GPU code: from its libraries when they were read, else from the release table.

    None when neither says: a nightly, container or source build that was not read, a guessed row.
    """
    torch = view.facts.torch
    if torch is None or not (torch.cuda or torch.hip):
        return None
    libraries = [x for x in view.facts.binaries.libraries if _is_main(x.path, torch.location)]
    objects = [o for x in libraries for o in x.code]
    if objects:
        paths = tuple(f"{x.path}: {listed(x.code)}" for x in libraries if x.code)
        return SubjectCode("torch", tuple(_general(objects)), paths, cuda=torch.cuda)
    return _from_table(view)


def _is_main(path: str, location: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == f"{location}/torch/lib" and name.startswith(("libtorch_cuda", "libtorch_hip"))


def _general(objects: Sequence[CodeObject]) -> Iterator[CodeObject]:
    """What most kernels have. A few of torch's are built for sm_90a, or as PTX, alone."""
    most = max(o.count for o in objects)
    return (o for o in objects if 2 * o.count >= most)


def _from_table(view: View) -> SubjectCode | None:
    torch, host = view.facts.torch, view.facts.host
    if torch is None or torch.build != "release" or not torch.release or not torch.variant:
        return None
    release = torch_releases.get(torch.release)
    platform = torch_releases.platform(host.os, host.machine)
    variant = release.variants(platform).get(torch.variant) if release else None
    if variant is None or not variant.known:
        return None
    return code_of(torch.release, variant)


def code_of(release: str, variant: Variant) -> SubjectCode:
    """The GPU code of a build of torch, as the release table has it."""
    toolkit = cuda_toolkits.get(variant.cuda) if variant.cuda else None
    kind: CodeKind = "cubin" if variant.cuda else "hip"
    isa = toolkit.ptx if toolkit else None
    objects = [CodeObject(kind=kind, arch=a) for a in variant.archs]
    objects += [CodeObject(kind="ptx", arch=a, ptx_version=isa) for a in variant.ptx or ()]
    source = f"{variant.name} build of torch {release}: {variant.source}"
    return SubjectCode("torch", tuple(objects), (source,), variant.ptx is not None, variant.cuda)


def service(code: SubjectCode, target: Target, driver_cuda: str | None = None) -> Service:
    """How the code serves one target. `driver_cuda` None: the driver is taken to compile all PTX."""
    device = parse_arch(target.arch)
    nothing = Service.unknown if any(code.of(k) for k in _OPEN[target.vendor]) else Service.none
    if isinstance(device, GfxArch):
        best = _best([hip_serves(have, device) for _, have in _parsed(code, GfxArch, "hip")])
        return nothing if best is Service.none else best
    build = parse_version(code.cuda) if code.cuda else None
    verdicts = [cubin_serves(have, device, build) for _, have in _parsed(code, CudaArch, "cubin")]
    best = _best(verdicts)
    if best is not Service.none:
        return best
    fitting = ptx_for(code, device)
    if any(readable(o, driver_cuda) for o in fitting):
        return Service.jit
    if fitting:
        return Service.too_new
    return nothing if code.complete else Service.unknown


def ptx_for(code: SubjectCode, device: CudaArch) -> list[CodeObject]:
    """The PTX that can be compiled for a device, by a driver that knows its version."""
    return [o for o, have in _parsed(code, CudaArch, "ptx") if ptx_serves(have, device)]


def readable(ptx: CodeObject, driver_cuda: str | None) -> bool:
    """Whether a driver compiles this PTX; what is not known counts as yes."""
    if driver_cuda is None or ptx.ptx_version is None:
        return True
    return driver_reads(parse_version(ptx.ptx_version), parse_version(driver_cuda)) is not False


def _best(verdicts: Sequence[bool | None]) -> Service:
    if True in verdicts:
        return Service.native
    return Service.unknown if None in verdicts else Service.none


def _parsed(code: SubjectCode, wanted: type[T], kind: str) -> list[tuple[CodeObject, T]]:
    found = []
    for item in code.of(kind):
        try:
            arch = parse_arch(item.arch)
        except ValueError:
            continue
        if isinstance(arch, wanted):
            found.append((item, arch))
    return found


def driver_cuda(view: View) -> str | None:
    """The CUDA of the NVIDIA driver here; None when it does not say, or no such GPU is here."""
    if not any(g.vendor == "nvidia" for g in view.facts.gpus):
        return None
    return next((d.cuda for d in view.facts.drivers if d.vendor == "nvidia" and d.cuda), None)


def listed(objects: Sequence[CodeObject]) -> str:
    """ "machine code for sm_80, sm_90 and PTX for sm_90", in the order of the architectures."""
    words = []
    for kinds, label in ((("cubin", "hip"), "machine code for"), (("ptx",), "PTX for")):
        names = dict.fromkeys(o.arch for o in sorted(objects, key=order) if o.kind in kinds)
        shown = list(names)
        if len(shown) > 9:
            shown = [*shown[:4], "…", *shown[-4:]]
        words += [f"{label} {', '.join(shown)}"] if shown else []
    return " and ".join(words) or "no code"


def order(item: CodeObject) -> tuple[int, str]:
    """By number, then by name: sm_90 before sm_100."""
    digits = "".join(c for c in item.arch if c.isdigit())
    return (int(digits or 0) if item.arch.startswith("sm_") else 0, item.arch)


def unserved(
    code: SubjectCode,
    targets: Iterable[Target],
    lack: Service = Service.none,
    driver_cuda: str | None = None,
) -> Iterator[tuple[Target, Severity]]:
    """The targets that the code does not serve, for the reason `lack`; and how grave that is."""
    how = [(target, service(code, target, driver_cuda)) for target in targets]
    served = any(found not in (lack, Service.too_new, Service.none) for _, found in how)
    for target, found in how:
        if found is lack:
            yield target, _severity(target, served)


def _severity(target: Target, served: bool) -> Severity:
    """Error for a target that was named, or when no GPU is served; else it is no fault of use."""
    return ERROR if not served or target.gpu is None else ADVICE


def label(target: Target) -> str:
    """ "sm_120 (NVIDIA GeForce RTX 5080)"."""
    return f"{target.arch} ({target.name or target.source})"


def unknown_code(view: View) -> Gap:
    """For a torch of which `torch_code` says nothing."""
    torch = view.facts.torch
    reason = "which GPUs this build carries code for is not known"
    return Gap(section="torch", subject=str(torch and torch.version), reason=reason)


def targets_of_torch(view: View) -> list[Target]:
    """The targets of the vendor that torch is built for: others are TCH201's."""
    torch = view.facts.torch
    vendor = "amd" if torch and torch.hip else "nvidia" if torch and torch.cuda else None
    return [t for t in view.targets if t.vendor == vendor]


def targets_of_code(view: View, code: SubjectCode) -> list[Target]:
    """The targets of the vendor that the code is for: an extension needs no torch to run."""
    vendors = {"amd" if o.kind in _OF_AMD else "nvidia" for o in code.objects}
    return [t for t in view.targets if t.vendor in vendors]


# Their libraries choose among several by themselves, and each holds what it needs.
_OWN_DISPATCH = ("nvidia-", "triton", "pytorch-triton", "cupy", "jax")


def extensions(facts: Facts) -> list[SubjectCode]:
    """Everything with GPU code but torch and NVIDIA's and Triton's libraries.

    A distribution's libraries are one: bitsandbytes has a library for each CUDA, xformers one for
    sm_90a alone, and each is used only where it fits.
    """
    groups: dict[str, list[Library]] = {}
    for library in facts.binaries.libraries:
        if library.code and not _skipped(library, facts):
            groups.setdefault(library.distribution or library.path, []).append(library)
    return [_code(subject, libraries) for subject, libraries in sorted(groups.items())]


def all_code(view: View) -> list[SubjectCode]:
    """torch's first, then the others' by name; only what holds GPU code at all."""
    torch = torch_code(view)
    return [*([torch] if torch else []), *extensions(view.facts)]


def _skipped(library: Library, facts: Facts) -> bool:
    owner = library.distribution or ""
    inside = facts.torch is not None and library.path.startswith(f"{facts.torch.location}/torch/")
    return inside or owner == "torch" or owner.startswith(_OWN_DISPATCH)


def _code(subject: str, libraries: list[Library]) -> SubjectCode:
    objects = [o for library in libraries for o in library.code]
    evidence = tuple(f"{x.path}: {listed(x.code)}" for x in libraries[:8])
    return SubjectCode(subject, tuple(objects), evidence)


def variants_only(code: SubjectCode) -> list[CodeObject]:
    """The code objects when all of them are for exact ("a") or family ("f") targets, else none."""
    objects = [o for o in code.objects if o.kind in ("cubin", "ptx")]
    special = [o for o in objects if o.arch.endswith(("a", "f")) and o.arch.startswith("sm_")]
    return special if special and len(special) == len(objects) else []


class Row(Frozen):
    """torch, or one distribution with GPU code. `served`: target → how; absent: not its vendor's."""

    subject: str
    version: str | None
    holds: str
    served: dict[str, Service]

    @property
    def complete(self) -> bool:
        """Whether every target is served by machine code."""
        return all(how is Service.native for how in self.served.values())


def matrix(view: View) -> list[Row]:
    """As all_code."""
    return [_row(view, code) for code in all_code(view)]


def _row(view: View, code: SubjectCode) -> Row:
    dist = view.dist(code.subject)
    driver = driver_cuda(view)
    served = {t.arch: service(code, t, driver) for t in targets_of_code(view, code)}
    return Row(code.subject, dist.version if dist else None, listed(code.objects), served)
