"""Whether a back end is shown to work here. What could not be looked at is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from posixpath import basename

from gpufix.checks.registry import builtin_rules
from gpufix.evidence.backends import OWN, OWN_AND_SLOW, PACKAGES
from gpufix.evidence.gpu_code import (
    LibraryCode,
    Service,
    driver_cuda,
    label,
    listed,
    service,
    targets_of_torch,
    torch_code,
)
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.fallbacks.catalogue import is_ours
from gpufix.fixes.foresight import judged
from gpufix.knowledge.data_table import at_least
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.knowledge.gpus.serves import ServingCode
from gpufix.knowledge.gpus.units import reach
from gpufix.model import ADVICE, Distribution, Finding, Library, Target
from gpufix.model.payload import DistributionFault

_SERVES = (Service.native, Service.jit)


def why_not(view: View, value: str) -> str | None:
    """Why the back end of this name is not known to work with the targets; None: it is."""
    if value in (*OWN, *OWN_AND_SLOW):
        old = value == "sdpa" and not at_least(_release(view), "2.0.0")
        return "sdpa came with torch 2.0" if old else next(_against_torch(view), None)
    packages = PACKAGES.get(value)
    if packages is None:
        return f"what {value} needs is not known"
    dist = next((d for name in packages if (d := view.dist(name))), None)
    return why_not_package(view, dist) if dist else f"{packages[0]} is not installed"


def why_not_package(view: View, dist: Distribution) -> str | None:
    """The same of an installed package."""
    own = (f"{dist.name} {dist.version} {why}" for why in _against(view, dist))
    return next(chain(own, _against_torch(view)), None)


def _release(view: View) -> str:
    return (view.facts.torch.release if view.facts.torch else None) or "0"


def _against_torch(view: View) -> Iterator[str]:
    torch, targets = view.facts.torch, targets_of_torch(view)
    if torch is None or torch.state != "ok":
        yield "torch is not whole"
        return
    name = f"torch {torch.version}"
    if view.targets and not targets:
        yield f"{name} has no code for {label(view.targets[0])}"
    yield from (f"{name} {why}" for why in _against_loading(view, "torch"))
    code = torch_code(view) if targets else None
    if targets and code is None:
        yield f"what GPU code {name} holds is not known"
    for target in targets if code else ():
        if code and service(code, target, driver_cuda(view)) not in _SERVES:
            yield f"{name} holds {listed(code.objects)}, of which none runs on {label(target)}"


def _against(view: View, dist: Distribution) -> Iterator[str]:
    """What is known, or not known, that speaks against a package; most telling first."""
    unmet = view.derive(Requirements.of).unmet
    yield from (f"does not work: {row}" for row in unmet if row.dist.name == dist.name)
    yield from _against_loading(view, dist.name)
    for rule in builtin_rules(view.facts.project is not None):
        for finding in judged(rule, view).findings:
            if _is_about(dist, finding):
                yield f"is unfit: {finding.message.rstrip('.')}"
    if is_ours(dist.version):
        return  # made of torch's own operators
    if not targets_of_torch(view):
        yield "cannot be judged: no GPU is known that torch is built for (name it, as in --gpu sm_120)"
    libraries = list(_libraries(view, dist))
    if not libraries:
        yield "has no compiled library with GPU code that was read"
    yield from _gaps(view, dist, libraries)
    for target in targets_of_torch(view):
        yield from _lacking(view, dist, libraries, target)


def _is_about(dist: Distribution, finding: Finding) -> bool:
    payload = finding.payload
    of_it = isinstance(payload, DistributionFault) and payload.distribution == dist.name
    return of_it and finding.severity is not ADVICE


def _libraries(view: View, dist: Distribution) -> Iterator[Library]:
    """Those with GPU code that this Python can load."""
    tag = view.facts.python.tag if view.facts.python else None
    for library in view.facts.binaries.libraries:
        loadable = library.python_tag in (None, "abi3", tag)
        if library.distribution == dist.name and library.code and loadable:
            yield library


def _against_loading(view: View, owner: str) -> Iterator[str]:
    for library in view.facts.binaries.libraries:
        problems = [p for p in library.problems if not p.driver]
        if library.distribution == owner and problems:
            what = f"{problems[0].kind.replace('-', ' ')} {problems[0].name}"
            yield f"cannot load {basename(library.path)}: {what}"


def _gaps(view: View, dist: Distribution, libraries: Sequence[Library]) -> Iterator[str]:
    """What was not read of the scan as a whole, or in the package's own folders."""
    site = f"{dist.location}/"
    paths = [x.path.removeprefix(site) for x in libraries if x.path.startswith(site)]
    folders = tuple(site + path.partition("/")[0] for path in paths)
    for gap in view.facts.gaps:
        of_it = gap.subject.startswith(folders) or not gap.subject.startswith("/")
        if gap.section == "binaries" and (of_it or gap.subject == dist.location):
            yield f"was not read whole: {gap.subject}: {gap.reason}"


def _lacking(
    view: View, dist: Distribution, libraries: Sequence[Library], target: Target
) -> Iterator[str]:
    """Libraries without code for a target that the package may still choose on it.

    Which its dispatcher takes is known of some (knowledge/dispatchers.toml). Of the others: a package
    of several operators takes one by the GPU's compute capability, and asks for a minimum, seldom for
    a maximum. What is built for newer GPUs alone is passed over, what is built for older ones alone
    is launched, and fails.
    """
    served = False
    for library in libraries:
        code = LibraryCode.of(library, dist.version)
        if code.launched(target) is False:
            continue
        for unit in code.units:
            how = reach([unit], target.arch, driver_cuda(view))
            if how.status in ("native", "jit") and not code.outgrown(target):
                served = True
            elif code.launched(target) or not _newer(unit.code, target):
                held = f"{basename(library.path)} holds {listed(unit.code)}"
                yield f"cannot serve {label(target)}: {held}"
    if not served:
        yield f"holds no code that runs on {label(target)}"


def _newer(objects: Sequence[ServingCode], target: Target) -> bool:
    """Whether all of it is for later compute capabilities than the target's."""
    device = parse_arch(target.arch)
    if not isinstance(device, CudaArch):
        return False
    numbers = [_number(item) for item in objects]
    return all(number is not None and number > device.number for number in numbers)


def _number(item: ServingCode) -> int | None:
    try:
        arch = parse_arch(item.arch)
    except ValueError:
        return None
    return arch.number if isinstance(arch, CudaArch) else None
