"""The GPU code of torch and of extensions, and how it serves each target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum

from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge import dispatchers, torch_releases
from gpufix.knowledge.dispatchers import Dispatched
from gpufix.knowledge.gpus.architectures import CudaArch, ptx_serves
from gpufix.knowledge.gpus.models import posed
from gpufix.knowledge.gpus.serves import ServingCode
from gpufix.knowledge.gpus.units import Reach, Unit, cuda_arch, reach
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

_OF_AMD = ("hip", "bitcode", "spirv")


class Service(Enum):
    """How a target is served. `too_new`: there is PTX for it, which its driver cannot compile.

    partly: some units of a library have no code for it, though others do.
    """

    native = "native"
    jit = "jit"
    partly = "partly"
    too_new = "too new"
    none = "none"
    unknown = "unknown"


# Of the libraries of one thing each is used where it fits; what serves in part may be launched.
_FIRST = (Service.partly, Service.native, Service.jit, Service.unknown, Service.too_new)


class LibraryCode(Frozen):
    """The units of one library. taken: for which GPUs, where a dispatcher is known to choose it."""

    path: str
    units: tuple[Unit, ...]
    taken: Dispatched | None = None

    @classmethod
    def of(cls, library: Library, version: str | None = None) -> LibraryCode:
        """Of a library that was read; an old snapshot does not tell its containers apart.

        version: of its distribution.
        """
        counts: dict[tuple[CodeObject, ...], int] = {}
        for part in library.parts:
            code = tuple(library.code[at] for at in part.code)
            counts[code] = counts.get(code, 0) + part.count
        units = [Unit(code, count) for code, count in counts.items()]
        taken = dispatchers.dispatched(library.path, library.distribution, version)
        return cls(library.path, tuple(units) or (Unit(tuple(library.code)),), taken)

    def launched(self, target: Target) -> bool | None:
        """Whether the package's dispatcher takes it for this GPU; None: where it fits."""
        device = cuda_arch(target.arch)
        return self.taken.at(device.number) if self.taken and device else None

    def outgrown(self, target: Target) -> bool:
        """Whether its kernels fail on so late a GPU, whatever code it holds."""
        device, until = cuda_arch(target.arch), self.taken.until if self.taken else None
        return device is not None and until is not None and device.number > until

    def reach(self, target: Target, driver_cuda: str | None, cuda: str | None = None) -> Reach:
        """How it serves a target."""
        if self.outgrown(target):
            return Reach("none")
        return reach(self.units, target.arch, driver_cuda, cuda)


class SubjectCode(Frozen):
    """The GPU code of one thing. `complete` False: there may be PTX that was not seen.

    libraries: none where containers are not told apart.
    """

    subject: str
    objects: tuple[CodeObject, ...]
    evidence: tuple[str, ...] = ()
    complete: bool = True
    cuda: str | None = None
    libraries: tuple[LibraryCode, ...] = ()
    apart: bool = False  # for AMD's GPUs, in archives beside the libraries

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
    apart = any(x.archives for x in libraries)
    if objects or apart:
        paths = _places(x for x in libraries if x.code or x.archives)
        general = tuple(_general(objects))
        return SubjectCode("torch", general, paths, cuda=torch.cuda, apart=apart)
    return _from_table(view)


def _is_main(path: str, location: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == f"{location}/torch/lib" and name.startswith(("libtorch_cuda", "libtorch_hip"))


def _places(libraries: Iterable[Library]) -> tuple[str, ...]:
    """What libraries hold, once for those that share an archive."""
    return tuple(dict.fromkeys(map(_held, libraries)))


def _held(library: Library) -> str:
    """What a library holds, and where, in a line."""
    place = library.archives[0] if library.archives else library.path
    return f"{place}: {listed(library.code)}"


def _general(objects: Sequence[CodeObject]) -> Iterator[CodeObject]:
    """What most kernels have. A few of torch's are built for sm_90a, or as PTX, alone."""
    most = max((o.count for o in objects), default=0)
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
    """How the code serves one target. `driver_cuda` None: the driver is taken to compile all PTX.

    The units alone are looked at: evidence/partial.py also asks which of them are meant for it.
    """
    return combined(reaches(code, target, driver_cuda), target, code.complete)


Reaches = Sequence[tuple[LibraryCode, Reach]]


def reaches(
    code: SubjectCode, target: Target, driver_cuda: str | None = None
) -> list[tuple[LibraryCode, Reach]]:
    """How each library of the code serves one target; none that is never launched there."""
    libraries = code.libraries or (LibraryCode(code.subject, (Unit(code.objects),)),)
    launched = (x for x in libraries if x.launched(target) is not False)
    return [(x, x.reach(target, driver_cuda, code.cuda)) for x in launched]


def combined(found: Reaches, target: Target, complete: bool = True) -> Service:
    """How several libraries serve together: each where it fits, but those that a dispatcher takes."""
    of_taken = {how.status for library, how in found if library.launched(target)}
    for lack in (Service.none, Service.too_new):
        if lack.value in of_taken:
            return lack
    statuses = {Service(how.status) for _, how in found}
    nothing = Service.none if complete and found else Service.unknown
    return next((each for each in _FIRST if each in statuses), nothing)


def refused(found: Reaches, target: Target) -> list[LibraryCode]:
    """The libraries that a dispatcher takes for a target, and that hold nothing that runs there."""
    return [x for x, how in found if how.status == "none" and x.launched(target)]


def outgrown(name: str, version: str, targets: Iterable[Target]) -> str | None:
    """Why a release of a package, installed or not, fails on a target: its dispatcher's choice."""
    for target in targets:
        device = cuda_arch(target.arch)
        row = dispatchers.outgrown(name, version, device.number) if device else None
        if row is not None:
            return (
                f"{name} {version} takes {row.library} on {label(target)}, whose kernels fail there"
            )
    return None


def ptx_for(code: SubjectCode, device: CudaArch) -> list[CodeObject]:
    """The PTX that can be compiled for a device, by a driver that knows its version."""
    return [o for o in code.of("ptx") if (arch := cuda_arch(o.arch)) and ptx_serves(arch, device)]


def driver_cuda(view: View) -> str | None:
    """The CUDA of the NVIDIA driver here; None when it does not say, or no such GPU is here."""
    return driver_of(view.facts)


def driver_of(facts: Facts) -> str | None:
    """As driver_cuda."""
    if not any(g.vendor == "nvidia" for g in facts.gpus):
        return None
    return next((d.cuda for d in facts.drivers if d.vendor == "nvidia" and d.cuda), None)


def listed(objects: Sequence[ServingCode]) -> str:
    """ "machine code for sm_80, sm_90 and PTX for sm_90", in the order of the architectures."""
    words = []
    for kinds, label in ((("cubin", "hip"), "machine code for"), (("ptx",), "PTX for")):
        names = dict.fromkeys(o.arch for o in sorted(objects, key=order) if o.kind in kinds)
        shown = list(names)
        if len(shown) > 9:
            shown = [*shown[:4], "…", *shown[-4:]]
        words += [f"{label} {', '.join(shown)}"] if shown else []
    return " and ".join(words) or "no code"


def order(item: ServingCode) -> tuple[int, str]:
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
    vendors |= {"amd"} if code.apart else set()
    return [as_posed(view, t) for t in view.targets if t.vendor in vendors]


def as_posed(view: View, target: Target) -> Target:
    """As the runtime sees it: HSA_OVERRIDE_GFX_VERSION makes every AMD GPU another one."""
    gfx = posed(view.env("HSA_OVERRIDE_GFX_VERSION") or "") if target.vendor == "amd" else None
    return replace(target, arch=gfx) if gfx else target


# Their libraries choose among several by themselves, and each holds what it needs.
_OWN_DISPATCH = ("nvidia-", "triton", "pytorch-triton", "cupy", "jax")


def extensions(facts: Facts) -> list[SubjectCode]:
    """Everything with GPU code but torch and NVIDIA's and Triton's libraries.

    A distribution's libraries are one: bitsandbytes has a library for each CUDA, and each is used
    only where it fits. Where a dispatcher is known to take one (knowledge/dispatchers.toml), that one
    must serve.
    """
    groups: dict[str, list[Library]] = {}
    for library in facts.binaries.libraries:
        if (library.code or library.archives) and not _skipped(library, facts):
            groups.setdefault(library.distribution or library.path, []).append(library)
    versions = {dist.name: dist.version for dist in reversed(facts.distributions)}
    return [code_in(name, found, versions.get(name)) for name, found in sorted(groups.items())]


def all_code(view: View) -> list[SubjectCode]:
    """torch's first, then the others' by name; only what holds GPU code at all."""
    torch = torch_code(view)
    return [*([torch] if torch else []), *extensions(view.facts)]


def _skipped(library: Library, facts: Facts) -> bool:
    owner = library.distribution or ""
    inside = facts.torch is not None and library.path.startswith(f"{facts.torch.location}/torch/")
    return inside or owner == "torch" or owner.startswith(_OWN_DISPATCH)


def code_in(subject: str, libraries: Sequence[Library], version: str | None = None) -> SubjectCode:
    """The GPU code of several libraries, of which each is used where it fits."""
    objects = [o for library in libraries for o in library.code]
    evidence = _places(libraries)[:8]
    parts = tuple(LibraryCode.of(library, version) for library in libraries if library.code)
    apart = any(library.archives for library in libraries)
    return SubjectCode(subject, tuple(objects), evidence, libraries=parts, apart=apart)


def variants_only(code: SubjectCode) -> list[CodeObject]:
    """The code objects when all of them are for exact ("a") or family ("f") targets, else none."""
    objects = [o for o in code.objects if o.kind in ("cubin", "ptx")]
    special = [o for o in objects if o.arch.endswith(("a", "f")) and o.arch.startswith("sm_")]
    return special if special and len(special) == len(objects) else []
