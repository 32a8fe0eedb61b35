"""WHL501."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.building import major as major_of
from gpufix.evidence.own_cuda import asked_for, own_cuda
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge.cuda_libraries import bringing, major_of_wheel
from gpufix.model import Distribution, SharedFile
from gpufix.model.payload import StrayWheel


@rule("WHL501", "mixed-cuda-majors")
def mixed_cuda_majors(view: View) -> Iterator[Fault]:
    """CUDA libraries of two majors lie in one environment, and one of them is in the way.

    ## What it does
    Groups the `nvidia-*` wheels by CUDA major (`-cu11`, `-cu12`, `-cu13`, and the unsuffixed ones
    of CUDA 13), and finds those of another major than the installed torch wants: which own the
    same files as others, and which nothing requires, requested or asks the loader for. Without a
    torch for CUDA the major counts that requirements and compiled packages want; of two that are
    wanted, or none, the newer.

    ## Why it matters
    Wheels of two majors own the same paths (`nvidia/nccl/lib/libnccl.so.2`). The last one
    installed wins, so torch may load an NCCL or cuDNN that lacks its symbols; and removing the
    stray one deletes torch's file with it.

    ## Example
    `torch 2.9.0+cu126 wants CUDA 12 libraries; nvidia-nccl-cu11 2.21.5 is CUDA 11's and owns
    nvidia/nccl/lib/libnccl.so.2 too.`

    ## Severity
    Warning when files collide: whoever loads them may have the wrong one; error when torch cannot
    load with what is there (SYM403 or WHL503 is then attached). Advice when the strays are merely
    nobody's. Silent when another package requires them, or its libraries name theirs, and nothing
    collides.

    ## Fix
    Safe: remove the strays that nothing requires or requested, and restore what their removal
    takes along. Unsafe for the rest.

    ## Source
    Measured: `pip uninstall nvidia-nccl-cu11` removes nvidia-nccl-cu12's file, and `pip check`
    stays silent.
    """
    wheels = [d for d in view.facts.distributions if _major(d)]
    wanted = _wanted(view, wheels)
    if wanted is None:
        return
    for stray in (d for d in wheels if _major(d) != wanted.major):
        apart = {d.name for d in wheels if _is_apart(d, stray, wanted.major)}
        collisions = [f for f in view.facts.shared_files if _collides(f, stray, apart)]
        collisions.sort(key=lambda f: ".so" not in f.path)
        users = _users(view, stray)
        is_nobodys = not (users or stray.requested) and wanted.by is not None
        if collisions or is_nobodys:
            yield _fault(wanted, stray, collisions, users)


class _Wanted(Frozen):
    """The major that counts, and who wants it; None where nobody does."""

    major: int
    by: str | None
    others: tuple[int, ...]

    def __str__(self) -> str:
        if self.by:
            return f"{self.by} wants CUDA {self.major} libraries"
        return f"libraries of CUDA {', '.join(map(str, self.others))} and {self.major} are here"


def _wanted(view: View, wheels: list[Distribution]) -> _Wanted | None:
    """None where no question arises: one major alone, and no torch for another."""
    torch = view.facts.torch
    number = major_of(torch.cuda) if torch and torch.cuda else ""
    if torch and number.isdigit():
        return _Wanted(int(number), f"torch {torch.version}", ())
    majors = sorted({major for d in wheels if (major := _major(d))})
    if len(majors) < 2:
        return None
    users: dict[int, str] = {}
    names = {d.name for d in wheels}
    for wheel in wheels:
        own = [user for user in _users(view, wheel) if user not in names]
        if own and (major := _major(wheel)):
            users.setdefault(major, own[0])
    major = max(users or majors)
    return _Wanted(major, users.get(major), tuple(m for m in majors if m != major))


def _users(view: View, wheel: Distribution) -> list[str]:
    """Who requires a wheel, and packages for its CUDA that ask the loader for what it brings."""
    required = view.derive(Requirements.of).required_by.get(wheel.name, [])
    told = view.derive(own_cuda)
    asking = {
        owner
        for soname, owners in view.derive(asked_for).items()
        if wheel.name in bringing(soname)
        for owner in owners
        if told[owner].major == _major(wheel) and owner != wheel.name
    }
    return [*required, *sorted(asking - {*required})]


def _fault(
    wanted: _Wanted, stray: Distribution, collisions: list[SharedFile], users: list[str]
) -> Fault:
    found = f"{stray.name} {stray.version} is CUDA {_major(stray)}'s"
    if collisions:
        found += f" and owns {collisions[0].path} too"
    else:
        found += ", and nothing requires it"
    return Fault(
        severity=WARNING if collisions else ADVICE,
        subject=stray.name,
        message=f"{wanted}; {found}.",
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


def _is_apart(wheel: Distribution, stray: Distribution, wanted: int) -> bool:
    """Whether a file of both is the stray's fault: of two strays it is the older's."""
    own, other = _major(stray) or 0, _major(wheel) or 0
    return other == wanted or other > own


def _collides(shared: SharedFile, stray: Distribution, apart: set[str]) -> bool:
    return shared.differ and stray.name in shared.owners and bool(apart & set(shared.owners))


def _major(dist: Distribution) -> int | None:
    return major_of_wheel(dist.name, dist.version)
