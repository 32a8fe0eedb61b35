"""Why a build that fits is offered, and what to know about it."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.gpu_code import Service
from gpufix.knowledge.versions import at_least
from gpufix.recommend.build import Build
from gpufix.recommend.obstacles import services
from gpufix.recommend.question import Question

# Rows of the release table that were not read off the binaries or the build scripts.
_UNSURE = "medium"


def reasons(build: Build, question: Question) -> Iterator[str]:
    """Short sentences, the most telling first."""
    if is_installed(build, question):
        yield "it is what is installed"
    elif question.now.release == build.release.version:
        yield "the release that is installed, built for another platform"
    served = services(build, question)
    native = [arch for arch, how in served.items() if how is Service.native]
    jit = [arch for arch, how in served.items() if how is Service.jit]
    if native:
        yield f"machine code that runs on {', '.join(native)}"
    if jit:
        yield f"PTX alone for {', '.join(jit)}: compiled at the first start, slow once"
    yield from _driver(build, question)
    if build.variant and build.variant.limited and build.variant.note:
        yield build.variant.note
    if build.variant and build.variant.confidence == _UNSURE:
        yield "its architectures were read from build scripts, not off the wheel"


def is_installed(build: Build, question: Question) -> bool:
    """Whether it is the build that is there now."""
    now = question.now
    return (now.release, now.variant or "cpu") == (build.release.version, build.name)


def _driver(build: Build, question: Question) -> Iterator[str]:
    variant, driver = build.variant, question.driver
    if variant is None or variant.cuda is None:
        return
    if driver is None:
        if variant.driver_min:
            yield f"needs NVIDIA driver {variant.driver_min} or newer"
    elif at_least(driver.cuda, variant.cuda):
        yield f"the driver serves CUDA {variant.cuda}"
    else:
        yield f"the driver is of CUDA {driver.cuda}: CUDA {variant.cuda} runs on it by minor-version compatibility, except PTX"
