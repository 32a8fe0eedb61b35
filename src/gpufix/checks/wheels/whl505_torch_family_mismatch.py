"""WHL505."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.version import Version

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.checks.source import absent_pins, addresses
from gpufix.evidence.other_cuda import other_cuda
from gpufix.evidence.requirements import Requirements, Unmet, parse, version_of
from gpufix.evidence.view import View
from gpufix.knowledge import listings, packages
from gpufix.model import Distribution, Torch
from gpufix.model.payload import DistributionFault

_BUILD_IN_LOCAL = re.compile(r"cpu|cu(?:da)?(\d{2,3})")
# "2.7.4+cu12torch2.6cxx11abifalse" (flash-attn), "2.1.2+pt25cu124" (PyG).
_TORCH_IN_LOCAL = re.compile(r"torch(\d+)\.(\d+)|(?:^|\.)pt(\d)(\d{1,2})(?=cu|cpu|$)")
# "libgraphbolt_pytorch_2.2.1.so" (DGL): of several the one for this torch is opened.
_TORCH_IN_FILE = re.compile(r"_pytorch_(\d+\.\d+\.\d+)\.so$")


@rule("WHL505", "torch-family-mismatch")
def torch_family_mismatch(view: View) -> Iterator[Fault]:
    """A package built for one torch is installed beside another.

    ## What it does
    For every package that compiles against torch (torchvision, torchaudio, xformers, …): compares
    the torch that it declares, that its version names (`+pt25cu124`, `+cu12torch2.6`), that its files are named for
    (`libgraphbolt_pytorch_2.2.1.so`), or that its
    project's table names where it declares none (torchcodec, torchaudio since 2.11), and the CUDA that its version names,
    with the installed torch. So too the index and find-links addresses and the addresses of
    wheels in requirement files, and in scripts those that a run would reach here, by itself or with
    an option, in this environment; those of a Dockerfile are compared with the CUDA
    of NVIDIA's development image that it builds on.
    A `case` of a script on torch's release or its CUDA that has no branch for those that are here is
    named when the script, run for one that has a branch, installs more: `setup.sh installs kaolin
    when it is run with --kaolin for torch 2.0.1 … 2.4.0 only`.
    Pins of torch, torchvision and torchaudio, and pages of wheels, in requirement files are looked
    up in the tables of published builds, with or without a torch here: whether there is such a build, and
    one of that torch with code for the GPU that is to be served. Files that name other GPUs, or the CUDA itself
    (requirements-cu121.txt), are left to who chooses them.

    ## Why it matters
    `RuntimeError: operator torchvision::nms does not exist`, undefined symbols, or a crash.

    ## Example
    `torchvision 0.21.0 requires torch==2.6.0; torch 2.9.0+cu128 is installed.`

    ## Severity
    Error when its libraries cannot load; warning when they do, or were not looked at: what they
    register may still not fit. An address for another CUDA major or torch minor is a warning, one
    for another CUDA minor advice, and so is what a script reaches only with an option: `--kaolin`. A wheel
    for another Python, torch, CUDA major or C++ ABI is a warning. A pin or a page that was not published is a warning: an
    installation from that file fails, unless it names other places. So is a pin of torch without code for the GPU.

    ## Fix
    Unsafe: install the version made for this torch; point the file to the wheels for it. Manual
    where conda installed the package: its `conda install` command.

    ## Source
    The packages' own metadata; naming of local versions by flash-attn and PyG; torch's build
    matrix; the listings of each package's wheels, with their days.
    """
    torch = view.facts.torch
    if torch is not None and torch.release is not None:
        yield from _installed(view, torch)
    differing = list(addresses.faults(view, torch)) if torch and torch.release else []
    yield from differing
    told = {fault.subject for fault in differing}
    yield from (fault for fault in absent_pins.faults(view) if fault.subject not in told)


def _installed(view: View, torch: Torch) -> Iterator[Fault]:
    """The packages that are here."""
    declared = {u.dist.name: u for u in view.derive(Requirements.of).unmet if u.name == "torch"}
    for dist in view.facts.distributions:
        if dist.name == "torch":
            continue
        unmet = declared.get(dist.name)
        if unmet is not None and unmet.installed is not None:
            yield _declared(view, dist, unmet, torch)
        else:
            yield from _named(view, dist, torch)


def _declared(view: View, dist: Distribution, unmet: Unmet, torch: Torch) -> Fault:
    message = (
        f"{dist.name} {dist.version} requires torch{unmet.requirement.specifier}; "
        f"torch {torch.version} is installed."
    )
    return _fault(view, dist, message)


def _named(view: View, dist: Distribution, torch: Torch) -> Iterator[Fault]:
    """What the version's local part says, for packages whose metadata is silent."""
    local = dist.version.partition("+")[2]
    built = _torch_in(local)
    if built and built != _minor(torch.release):
        message = (
            f"{dist.name} {dist.version} names torch {built}; torch {torch.version} is installed."
        )
        yield _fault(view, dist, message)
    elif dist.name in view.derive(other_cuda):
        return  # WHL510
    elif dist.name in packages.names() and _other_cuda(dist.name, local, torch):
        message = (
            f"{dist.name} {dist.version} is built for {local}; torch {torch.version} is "
            f"{_variant(torch)}."
        )
        yield _fault(view, dist, message)
    elif torch.release and (held := _held(view, dist, torch.release)):
        yield Fault(
            severity=WARNING,
            subject=dist.name,
            message=f"{dist.name} {dist.version} holds libraries for torch {held}; "
            f"torch {torch.version} is installed.",
            breaks=(f"load:{dist.name}", f"family:{dist.name}"),
            payload=DistributionFault(dist.name),
        )
    elif torch.release and not _declares(dist) and (whose := _by_table(dist, torch.release)):
        message = f"{dist.name} {dist.version} is {whose}; torch {torch.version} is installed."
        yield _fault(view, dist, message)


def _held(view: View, dist: Distribution, release: str) -> str | None:
    """The torch releases that the files of a package are named for, where this one is not among them."""
    made = view.derive(_torch_in_files).get(dist.name)
    if not made or release in made:
        return None
    every = sorted(made, key=Version)
    return every[0] + (f" – {every[-1]}" if len(every) > 1 else "")


def _torch_in_files(view: View) -> dict[str, set[str]]:
    """Of each distribution, the torch releases that its files are named for."""
    found: dict[str, set[str]] = {}
    for library in view.facts.binaries.libraries:
        if library.distribution and (named := _TORCH_IN_FILE.search(library.path)):
            found.setdefault(library.distribution, set()).add(named[1])
    return found


def _by_table(dist: Distribution, release: str) -> str | None:
    """The torch that a version without a word about it is for, where that is another one."""
    version = dist.version.partition("+")[0]
    made = packages.made_for(dist.name, version)
    if made and release not in made and packages.for_torch(release):
        return f"made for torch {made[0]}" + (f" – {made[-1]}" if len(made) > 1 else "")
    first = packages.first_torch(dist.name, version, release)
    return f"for torch {first} and later" if first and not made else None


def _declares(dist: Distribution) -> bool:
    rows = (parse(text) for text in dist.requires)
    return any(row is not None and row.name == "torch" for row in rows)


def _fault(view: View, dist: Distribution, message: str) -> Fault:
    libraries = [x for x in view.facts.binaries.libraries if x.distribution == dist.name]
    fails = any(not p.driver for library in libraries for p in library.problems)
    return Fault(
        severity=ERROR if fails else WARNING,
        subject=dist.name,
        message=message,
        breaks=(f"load:{dist.name}", f"family:{dist.name}"),
        payload=DistributionFault(dist.name),
    )


def _other_cuda(name: str, local: str, torch: Torch) -> bool:
    found = _BUILD_IN_LOCAL.search(local)
    if found is None:
        return False
    if found[0] == "cpu":
        return bool(torch.cuda or torch.hip) and not listings.loads_anywhere(name)
    # "cu12" names a major alone, "cu124" a minor too.
    return torch.cuda is None or not torch.cuda.replace(".", "").startswith(found[1])


def _torch_in(local: str) -> str | None:
    found = _TORCH_IN_LOCAL.search(local)
    if found is None:
        return None
    major, minor = found.group(1, 2) if found.group(1) else found.group(3, 4)
    return f"{major}.{minor}"


def _variant(torch: Torch) -> str:
    return torch.variant or (f"CUDA {torch.cuda}" if torch.cuda else "another build")


def _minor(version: str | None) -> str | None:
    parsed: Version | None = version_of(version) if version else None
    return f"{parsed.major}.{parsed.minor}" if parsed else None
