"""What drives the GPUs that are asked about, whatever CUDA a build is for."""

from __future__ import annotations

from gpufix.evidence.driver_fit import DriverNeed, Present, lacks, need
from gpufix.evidence.torch_builds.question import Question
from gpufix.knowledge.gpus.drivers import Driven, driven


def driver_need(question: Question, least: str | None = None) -> DriverNeed:
    """What must be installed where the targets stand; `least`: a build's own oldest driver."""
    return need(_rows(question), least)


def undriven(question: Question, least: str | None) -> str | None:
    """What the driver would have to be for a target that it does not drive; `least`: what the build
    asks for too, where the driver is older than that."""
    driver = question.driver
    if driver is None or not driver.drives:
        return None
    here = Present(driver.version or driver.branch, driver.cuda, driver.flavour)
    for row in _rows(question):
        if wanted := lacks(row, here):
            wanted = need([row], least) if least else wanted
            modules = f" with the {driver.flavour} kernel modules" if driver.flavour else ""
            return f"{row.arch} needs {wanted}; here is {driver}{modules}"
    return None


def _rows(question: Question) -> list[Driven]:
    found = (driven(t.arch, t.name) for t in question.targets if t.vendor == "nvidia")
    return [row for row in found if row]
