"""WHL501."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.model import Distribution, SharedFile, Torch
from gpufix.model.payload import StrayWheel

_SUFFIXED = re.compile(r"nvidia-[a-z0-9-]+-cu(\d{2})")
# CUDA 13's wheels dropped the suffix; the toolkit's own parts then carry the major as version.
_TOOLKIT_PARTS = {"nvidia-cuda-runtime", "nvidia-cuda-nvrtc", "nvidia-cuda-cupti", "nvidia-cublas"}


@rule("WHL501", "mixed-cuda-majors")
def mixed_cuda_majors(view: View) -> Iterator[Fault]:
    """CUDA libraries of another major than torch's lie beside torch's own.

    ## What it does
    Groups the `nvidia-*` wheels by CUDA major (`-cu11`, `-cu12`, `-cu13`, and the unsuffixed ones
    of CUDA 13), and finds those of another major than the installed torch wants: which own the
    same files as torch's, and which nothing requires or requested.

    ## Why it matters
    Wheels of two majors own the same paths (`nvidia/nccl/lib/libnccl.so.2`). The last one
    installed wins, so torch may load an NCCL or cuDNN that lacks its symbols; and removing the
    stray one deletes torch's file with it.

    ## Example
    `torch 2.9.0+cu126 wants CUDA 12 libraries; nvidia-nccl-cu11 2.21.5 is CUDA 11's and owns
    nvidia/nccl/lib/libnccl.so.2 too.`

    ## Severity
    Warning when files collide: torch may have the wrong one; error when it cannot load with what
    is there (SYM403 or WHL503 is then attached). Advice when the strays are merely nobody's. Silent
    when another package requires them and nothing collides.

    ## Fix
    Safe: remove the strays that nothing requires or requested, and restore what their removal
    takes along. Unsafe for the rest.

    ## Source
    Measured: `pip uninstall nvidia-nccl-cu11` removes nvidia-nccl-cu12's file, and `pip check`
    stays silent.
    """
    torch = view.facts.torch
    wanted = _leading(torch.cuda) if torch else None
    if torch is None or wanted is None:
        return
    requirements = view.derive(Requirements.of)
    strays = [d for d in view.facts.distributions if _major(d) not in (None, wanted)]
    own = {d.name for d in view.facts.distributions if _major(d) == wanted}
    for stray in strays:
        collisions = [f for f in view.facts.shared_files if _collides(f, stray, own)]
        collisions.sort(key=lambda f: ".so" not in f.path)
        users = requirements.required_by.get(stray.name, [])
        if collisions or not (users or stray.requested):
            yield _fault(torch, stray, wanted, collisions, users)


def _fault(
    torch: Torch, stray: Distribution, wanted: int, collisions: list[SharedFile], users: list[str]
) -> Fault:
    found = f"{stray.name} {stray.version} is CUDA {_major(stray)}'s"
    if collisions:
        found += f" and owns {collisions[0].path} too"
    else:
        found += ", and nothing requires it"
    return Fault(
        severity=WARNING if collisions else ADVICE,
        subject=stray.name,
        message=f"torch {torch.version} wants CUDA {wanted} libraries; {found}.",
        evidence=tuple(
            f"{f.path}: owned by {' and '.join(f.owners)}; held by {f.holder or 'unknown'}"
            for f in collisions[:10]
        )
        + tuple(f"required by {user}" for user in users),
        breaks=(f"collision:{stray.name}",),
        payload=StrayWheel(
            distribution=stray.name,
            required_by=tuple(users),
            requested=stray.requested,
            shared_with=tuple(sorted({o for f in collisions for o in f.owners} - {stray.name})),
        ),
    )


def _collides(shared: SharedFile, stray: Distribution, own: set[str]) -> bool:
    return shared.differ and stray.name in shared.owners and bool(own & set(shared.owners))


def _major(dist: Distribution) -> int | None:
    """The CUDA major of an nvidia-* wheel; None for other distributions and for unknown ones."""
    suffixed = _SUFFIXED.fullmatch(dist.name)
    if suffixed:
        return int(suffixed.group(1))
    return _leading(dist.version) if dist.name in _TOOLKIT_PARTS else None


def _leading(version: str | None) -> int | None:
    """ "12.8" → 12."""
    found = re.match(r"\d+", version or "")
    return int(found[0]) if found else None
