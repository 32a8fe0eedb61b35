"""ABI301."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.binary.demangle.mangled import string_abi
from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.torch_symbols import (
    TorchUser,
    file_of,
    installed,
    other_abi,
    shown,
    torch_users,
)
from gpufix.evidence.view import View
from gpufix.model.payload import ExtensionModules


@rule("ABI301", "cxx11-abi-mismatch")
def cxx11_abi_mismatch(view: View) -> Iterator[Fault]:
    """An extension was compiled with the other C++ ABI than the installed torch.

    ## What it does
    Reads it off the symbols only: with `_GLIBCXX_USE_CXX11_ABI=0` a std::string parameter
    mangles as `Ss`, with 1 as `std::__cxx11::basic_string`. Fires when the extension asks torch
    for the one spelling of a name of which torch has the other.

    ## Why it matters
    `undefined symbol: _ZN3c106detail14torchCheckFailEPKcS2_jRKSs`. torch's PyPI wheels changed
    from 0 to 1 with 2.7; a build file that hard-codes the flag did not follow.

    ## Example
    `tetranerf is built with _GLIBCXX_USE_CXX11_ABI=0; torch 2.7.1+cu128 has 1.`

    ## Severity
    Error.

    ## Fix
    Safe: rebuild with torch's value of the flag, when its source is here. Unsafe: the release made
    for this torch, where it is known; gpufix's replacement, where there is one; the nearest torch that
    has all symbols of the extension.

    ## Source
    Itanium C++ ABI (mangling); GCC's dual ABI; exports of torch's wheels.
    """
    for user in view.derive(torch_users):
        pairs = other_abi(view, user)
        if pairs:
            yield _fault(view, user, pairs)


def _fault(view: View, user: TorchUser, pairs: list[tuple[str, str]]) -> Fault:
    wanted, has = pairs[0]
    mine = string_abi(wanted)
    libraries = sorted({file_of(library) for library, _ in user.lacking})
    return Fault(
        severity=ERROR,
        subject=user.owner,
        message=f"{user.label} is built with _GLIBCXX_USE_CXX11_ABI={mine}; {installed(view)} has "
        f"{1 - (mine or 0)}.",
        evidence=(
            f"{', '.join(libraries)} asks for {shown(view, wanted)} ({wanted})",
            f"torch has {shown(view, has)} ({has})",
        ),
        breaks=(f"abi:{user.owner}", f"load:{user.owner}", f"symbols:{user.owner}"),
        needs=(f"source-abi:{user.owner}", f"family:{user.owner}"),
        payload=ExtensionModules(
            user.owner, tuple(sorted({library.path for library, _ in user.lacking}))
        ),
    )
