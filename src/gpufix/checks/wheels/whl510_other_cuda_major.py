"""WHL510."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.other_cuda import NewerCompiler, OtherCuda, newer_compilers, other_cuda
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.model.payload import OtherCudaMajor, StrayWheel


@rule("WHL510", "other-cuda-major")
def other_cuda_major(view: View) -> Iterator[Fault]:
    """A package is built for another CUDA major than its torch, or than the libraries here.

    ## What it does
    Tells each package's CUDA major from the libraries that it names (libcudart.so.12, and
    libcufft.so.11, which is CUDA 12's), and looks whether those that the loader does not find
    belong to another major than torch, where the package links torch; else than the CUDA libraries
    of the environment. And which file cuda.pathfinder opens where both majors' wheels are there: it
    takes the newer one, whatever the package is built for.

    ## Why it matters
    `ImportError: libcudart.so.12: cannot open shared object file`, beside a torch for CUDA 13: the
    wheel was built for another CUDA. To reinstall torch's own libraries does not bring this one.

    ## Example
    `xformers 0.0.35 is built for CUDA 12 and lacks libcudart.so.12; torch 2.14.1+cu130 is for CUDA 13.`

    ## Severity
    Error where the compiler that is taken generates nothing for a GPU that must be served. Else as
    SYM402, which is attached: error where the package's import fails by it, or a GPU that must be
    served loses what the package has for it; else warning. Silent where the loader finds each
    library, whatever majors lie side by side, and for a copy that a wheel brings along
    (`libcudart-53d54daa.so.12.6.68`).

    ## Fix
    Safe: rebuild it for this torch, when its source is known; install the libraries of its CUDA,
    where it does not link torch and searches for them. Unsafe: the release made for this torch; the
    project's package for the CUDA that is here; the libraries of its CUDA, by LD_LIBRARY_PATH; gpufix's
    replacement of the package, where there is one; remove the wheel of the other CUDA, whose library
    is taken (Safe where nobody asked for it).

    ## Source
    The SONAMEs of NVIDIA's wheels for CUDA 11, 12 and 13; flash-attention issue 2118; vllm issues
    43435 and 44335; cupy issues 7772 and 9318.
    """
    for found in view.derive(other_cuda).values():
        yield _fault(view, found)
    for taken in newer_compilers(view):
        yield _taken(view, taken)


def _fault(view: View, found: OtherCuda) -> Fault:
    rows, dist = found.weighed.rows, view.dist(found.owner)
    assert found.weighed.severity is not None  # evidence/other_cuda.py has none without
    label = f"{found.owner} {dist.version}" if dist else found.owner
    libraries = found.weighed.libraries
    needs = dict.fromkeys(f"{basename(x.path)} needs {problem.name}" for x, problem in rows)
    return Fault(
        severity=found.weighed.severity,
        subject=found.owner,
        message=f"{label} is built for CUDA {found.major} and lacks {_lacks(found)}; "
        f"{_instead(found)}.",
        evidence=tuple(needs)[:10] + view.derive(Imports.of).way(libraries),
        breaks=(f"cuda:{found.owner}", f"load:{found.owner}"),
        needs=(f"family:{found.owner}",),
        payload=OtherCudaMajor(
            found.owner,
            tuple(x.path for x in libraries),
            found.major,
            found.sonames,
            links_torch=found.torch is not None,
        ),
    )


def _lacks(found: OtherCuda) -> str:
    first, *others = found.sonames
    return f"{first} (and {len(others)} more)" if others else first


def _instead(found: OtherCuda) -> str:
    if found.torch is not None:
        return f"torch {found.torch.version} is for CUDA {found.here[0]}"
    return f"the CUDA libraries here are CUDA {' and '.join(map(str, found.here))}'s"


def _taken(view: View, taken: NewerCompiler) -> Fault:
    dist, wheel = taken.dist, taken.wheel
    return Fault(
        severity=ERROR,
        subject=dist.name,
        message=f"{dist.name} {dist.version} is built for CUDA {taken.major} and takes "
        f"{basename(taken.path)} of {wheel.name} {wheel.version}, which generates nothing for "
        f"{taken.arch}.",
        evidence=(taken.path, "cuda.pathfinder takes the newest version that is installed"),
        payload=StrayWheel(
            wheel.name,
            required_by=tuple(view.derive(Requirements.of).required_by.get(wheel.name, ())),
            requested=bool(wheel.requested),
            shared_with=(),
        ),
    )
