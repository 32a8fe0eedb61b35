"""The GPU code of what is installed beside torch: one Code per distribution."""

from __future__ import annotations

from gpufix.checks.gpu_code import Code, listed
from gpufix.model import CodeObject, Facts, Library

# Their libraries choose among several by themselves, and each holds what it needs.
_OWN_DISPATCH = ("nvidia-", "triton", "pytorch-triton", "cupy", "jax")


def extensions(facts: Facts) -> list[Code]:
    """Everything with GPU code but torch and NVIDIA's and Triton's libraries.

    A distribution's libraries are one: bitsandbytes has a library for each CUDA, xformers one for
    sm_90a alone, and each is used only where it fits.
    """
    groups: dict[str, list[Library]] = {}
    for library in facts.binaries.libraries:
        if library.code and not _skipped(library, facts):
            groups.setdefault(library.distribution or library.path, []).append(library)
    return [_code(subject, libraries) for subject, libraries in sorted(groups.items())]


def _skipped(library: Library, facts: Facts) -> bool:
    owner = library.distribution or ""
    inside = facts.torch is not None and library.path.startswith(f"{facts.torch.location}/torch/")
    return inside or owner == "torch" or owner.startswith(_OWN_DISPATCH)


def _code(subject: str, libraries: list[Library]) -> Code:
    objects = [o for library in libraries for o in library.code]
    evidence = tuple(f"{x.path}: {listed(x.code)}" for x in libraries[:8])
    return Code(subject, tuple(objects), evidence)


def variants_only(code: Code) -> list[CodeObject]:
    """The code objects when all of them are for exact ("a") or family ("f") targets, else none."""
    objects = [o for o in code.objects if o.kind in ("cubin", "ptx")]
    special = [o for o in objects if o.arch.endswith(("a", "f")) and o.arch.startswith("sm_")]
    return special if special and len(special) == len(objects) else []
