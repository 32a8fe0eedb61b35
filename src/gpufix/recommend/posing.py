"""What an AMD GPU that no build serves could do: pose as a close relative."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpufix.knowledge import gpus
from gpufix.model import Target
from gpufix.recommend.answer import Answer, answer
from gpufix.recommend.rank import Prefer


@dataclass(frozen=True)
class Pose:
    """With HSA_OVERRIDE_GFX_VERSION=`value` the GPU runs the code of `relative`; AMD does not
    support it. `version` is the best build for that relative. `risk`: "low", "high", "unverified".
    """

    gfx: str
    relative: str
    value: str
    risk: str
    text: str
    version: str


def pose(found: Answer, prefer: Prefer) -> Pose | None:
    """For a single AMD target that nothing serves and for which an override value is known."""
    question = found.question
    if found.fitting or len(question.targets) != 1 or question.vendor != "amd":
        return None
    known = gpus.hsa_override(question.targets[0].arch)
    if known is None:
        return None
    relative = Target(vendor="amd", arch=known.poses_as, source=known.gfx)
    other = answer(replace(question, targets=(relative,)), prefer)
    if not other.fitting:
        return None
    version = other.fitting[0].version
    return Pose(known.gfx, known.poses_as, known.value, known.risk, known.text, version)
