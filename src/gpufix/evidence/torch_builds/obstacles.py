"""What keeps a build from serving: each obstacle says what is needed, and what is there."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from gpufix.evidence.building import major
from gpufix.evidence.gpu_code import Service, SubjectCode, listed, service
from gpufix.evidence.torch_builds.candidates import Extension, TorchBuild
from gpufix.evidence.torch_builds.companions import companion
from gpufix.evidence.torch_builds.drives import undriven
from gpufix.evidence.torch_builds.question import Question
from gpufix.frozen import Frozen
from gpufix.knowledge import cuda as cuda_toolkits
from gpufix.knowledge import listings
from gpufix.knowledge.data_table import at_least, minor, numbers
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.model import Target

_SERVES = (Service.native, Service.jit)


class Kind(IntEnum):
    """How much it takes to overcome an obstacle, least first."""

    asked = 1
    extension = 2
    driver = 3
    python = 4
    system = 5
    unknown = 6
    target = 7


class Obstacle(Frozen):
    """One reason against a build."""

    kind: Kind
    text: str


def services(build: TorchBuild, question: Question) -> dict[str, Service]:
    """How the build serves each target with this driver."""
    code, driver = build.code, question.driver
    if code is None:
        return {t.arch: Service.unknown for t in question.targets}
    cuda = driver.cuda if driver else None
    return {t.arch: service(code, t, cuda) for t in question.targets}


def obstacles(build: TorchBuild, question: Question) -> Iterator[Obstacle]:
    """All of them; a build without any serves."""
    yield from _system(build, question)
    yield from _asked(build, question)
    yield from _driver(build, question)
    yield from _targets(build, question)
    for extension in question.extensions:
        against = (*_python_of(extension, question.python), *_extension(build, extension))
        yield from (Obstacle(Kind.extension, text) for text in against)
    for name in question.along:
        found = companion(name, build, question)
        if isinstance(found, str) and not listings.source_alone(name):
            yield Obstacle(Kind.extension, found)


def _system(build: TorchBuild, question: Question) -> Iterator[Obstacle]:
    tags = build.pythons(question.platform)
    if question.python not in tags:
        known = f"{tags[0]} – {tags[-1]}" if tags else "none"
        yield Obstacle(Kind.python, f"is not built for {question.python} (is for: {known})")
    if question.libc == "musl":
        yield Obstacle(
            Kind.system, "needs glibc; this system has musl, for which there are no wheels"
        )
    need = build.glibc
    have = question.libc_version if question.libc != "musl" else None
    if need and have and not at_least(have, need):
        yield Obstacle(Kind.system, f"needs glibc {need}; here is {have}")


def _asked(build: TorchBuild, question: Question) -> Iterator[Obstacle]:
    allowed = question.allowed
    if allowed is not None and not allowed.contains(build.release.version, prereleases=True):
        yield Obstacle(Kind.asked, f"is not torch{allowed}")
    if question.variant and build.name != question.variant:
        yield Obstacle(Kind.asked, f"is not for {question.variant}")
    rocm = build.variant.rocm if build.variant else None
    if question.rocm and minor(rocm or "") != question.rocm:
        yield Obstacle(Kind.asked, f"is not for ROCm {question.rocm}")


def _driver(build: TorchBuild, question: Question) -> Iterator[Obstacle]:
    """By minor-version compatibility: machine code of a CUDA major runs on its first driver."""
    driver, variant = question.driver, build.variant
    if driver is None or variant is None or variant.cuda is None:
        return
    need = variant.driver_min
    if driver.version and need:
        enough = numbers(driver.version) >= numbers(need)
    else:
        enough = int(major(driver.cuda)) >= int(major(variant.cuda))
    if text := undriven(question, None if enough else need):
        yield Obstacle(Kind.driver, text)
    elif not enough:
        least = f"driver {need} or newer" if need else f"a driver for CUDA {major(variant.cuda)}"
        yield Obstacle(Kind.driver, f"needs {least}; here is {driver}")


def _targets(build: TorchBuild, question: Question) -> Iterator[Obstacle]:
    if not question.targets:
        return
    code = build.code
    if code is None:
        yield from _unread(build, question)
        return
    for target in question.targets:
        found = services(build, question)[target.arch]
        if found not in _SERVES:
            yield _unserved(code, target, found, question)


def _unread(build: TorchBuild, question: Question) -> Iterator[Obstacle]:
    """What its toolkit cannot generate is known all the same."""
    toolkit = (
        cuda_toolkits.get(build.variant.cuda) if build.variant and build.variant.cuda else None
    )
    without = [
        t.arch
        for t in question.targets
        if toolkit and not any(_machine_code(f"sm_{sm}", t.arch) for sm in toolkit.sm)
    ]
    if toolkit and without:
        cannot = f"CUDA {toolkit.version} cannot generate machine code for {', '.join(without)}"
        yield Obstacle(Kind.unknown, f"{cannot}; whether it has PTX is not known")
    else:
        yield Obstacle(Kind.unknown, "which GPUs it has code for is not known")


def _machine_code(made_for: str, arch: str) -> bool:
    """Whether code for one runs on the other: of its major version, no newer."""
    code, device = parse_arch(made_for), parse_arch(arch)
    if not (isinstance(code, CudaArch) and isinstance(device, CudaArch)):
        return made_for == arch
    return code.major == device.major and code.minor <= device.minor


def _unserved(code: SubjectCode, target: Target, found: Service, question: Question) -> Obstacle:
    have = listed(code.objects)
    if found is Service.unknown:
        return Obstacle(
            Kind.unknown, f"may have PTX for {target.arch}, which is not known (has {have})"
        )
    if found is Service.too_new:
        text = f"has PTX only for {target.arch}, newer than driver {question.driver} compiles"
        return Obstacle(Kind.driver, text)
    return Obstacle(Kind.target, f"has no code for {target.arch} (has {have})")


def _extension(build: TorchBuild, extension: Extension) -> Iterator[str]:
    name, variant = extension.name, build.variant
    if extension.newer:
        yield f"{name} asks for symbols that no known torch has"
    elif extension.releases is not None and build.release.version not in extension.releases:
        yield f"{name} loads with {_span(extension.releases)}"
    if extension.cuda and (
        not variant or not variant.cuda or major(variant.cuda) != extension.cuda
    ):
        yield f"{name} needs the runtime of CUDA {extension.cuda}"
    abi = variant.cxx11_abi if variant else None
    if extension.cxx11_abi is not None and abi is not None and abi != bool(extension.cxx11_abi):
        yield f"{name} has C++ ABI {extension.cxx11_abi}, this build {int(abi)}"


def _python_of(extension: Extension, python: str) -> Iterator[str]:
    tags = extension.pythons
    if tags and python not in tags and not any(tag.startswith("abi3") for tag in tags):
        yield f"{extension.name} is built for {', '.join(tags)}, not for {python}"


def _span(releases: tuple[str, ...]) -> str:
    if not releases:
        return "no known torch"
    first, last = releases[0], releases[-1]
    return f"torch {first}" if first == last else f"torch {first} – {last}"
