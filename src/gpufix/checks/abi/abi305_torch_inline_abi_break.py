"""ABI305."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.torch_symbols import TorchUser, installed, torch_users
from gpufix.evidence.view import View
from gpufix.model.payload import ExtensionModules


@rule("ABI305", "torch-inline-abi-break")
def torch_inline_abi_break(view: View) -> Iterator[Fault]:
    """All symbols resolve, but torch's C++ layout changed in between: it crashes.

    ## What it does
    For extensions whose symbols resolve in the installed torch: looks whether they were built
    before a change of inline C++ layout that is known (2.8 | 2.9, for code that registers
    operators). From 2.9 on, c10::KernelFunction has a destructor of its own, which compilers
    write out beside those of other c10 classes; a library that shows these but not that one is
    older. One that shows none is not judged.

    ## Why it matters
    The loader has nothing to object to; registering the first operator writes into a structure
    of another shape, and the process dies of a segmentation fault.

    ## Example
    `xformers 0.0.32 is built for torch 2.8 or older; between 2.8 and 2.9 registering an operator fills a
    structure whose layout changed. torch 2.9.0 is installed.`

    ## Severity
    Error.

    ## Fix
    Safe: rebuild, when its source is here. Unsafe: the release made for this torch, where it is
    known, or gpufix's replacement, where there is one.

    ## Source
    Measured on real wheels: eight libraries that should have loaded crashed, all across this line.
    ATen/core/boxing/KernelFunction.h of torch 2.8.0 and 2.9.1.
    """
    torch = view.facts.torch
    if torch is None or torch.version is None:
        return
    for user in view.derive(torch_users):
        broken = user.judgement.broken_by(torch.version) if user.judgement else None
        if broken and not any(library.problems for library in user.libraries):
            yield _fault(view, user, broken.before, broken.after, broken.what)


def _fault(view: View, user: TorchUser, before: str, after: str, what: str) -> Fault:
    return Fault(
        severity=ERROR,
        subject=user.owner,
        message=f"{user.label} is built for torch {before} or older; between {before} and "
        f"{after} {what}. {installed(view)} is installed.",
        evidence=tuple(library.path for library in user.libraries[:10]),
        breaks=(f"load:{user.owner}",),
        needs=(f"family:{user.owner}",),
        payload=ExtensionModules(user.owner),
    )
