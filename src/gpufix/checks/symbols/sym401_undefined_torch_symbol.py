"""SYM401."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.severity import Weighed, weigh
from gpufix.evidence.torch_symbols import (
    TorchUser,
    file_of,
    installed,
    other_abi,
    releases,
    shown,
    torch_users,
)
from gpufix.evidence.view import View
from gpufix.evidence.windows_words import says
from gpufix.model import Gap, Problem
from gpufix.model.payload import ExtensionModules
from gpufix.text.clean import and_more


@rule("SYM401", "undefined-torch-symbol")
def undefined_torch_symbol(view: View) -> Iterator[Fault | Gap]:
    """An extension asks for symbols that the installed torch does not define.

    ## What it does
    Resolves every undefined symbol of every library the loader's way, and looks those that torch
    lacks up in the history of 30 releases' exports: which releases have all that the libraries of
    this package ask for, and which minor it was built for (the lowest of them).

    ## Why it matters
    `ImportError: … undefined symbol: _ZNK3c107SymBool14guard_or_falseEPKcl`; on Windows `[WinError 127] The
    specified procedure could not be found`.

    ## Example
    `diff-gaussian-rasterization 0.0.0 needs c10::SymBool::guard_or_false(char const*, long)
    const, which torch 2.7.0 does not define; it is built for torch 2.8, loads with 2.8 – 2.10.`

    ## Severity
    Error where the package's import fails by it, as its sources show, and where a GPU that must be
    served loses all code that the package has for it. Warning for a part of it, advice where the
    import does without and says nothing. A gap where neither is known. Silent for one of several alternatives of which another
    loads, and for a bridge to torch where torch is neither here nor required.

    ## Fix
    Safe: rebuild for the installed torch, when its source is here. Unsafe: the release made for
    this torch, where it is known; the nearest torch that it loads with; or gpufix's replacement,
    where there is one.

    ## Source
    The exports of torch's own wheels, x86-64 Linux; ld.so(8).
    """
    for user in view.derive(torch_users):
        if not user.lacking or other_abi(view, user) is not None:
            continue
        weighed = weigh(
            view, [(x, Problem(kind="undefined-symbol", name=name)) for x, name in user.lacking]
        )
        yield from weighed.gaps()
        if weighed.severity is not None:
            yield _fault(view, user, weighed)


def _fault(view: View, user: TorchUser, weighed: Weighed) -> Fault:
    lacking = [(library, problem.name) for library, problem in weighed.rows]
    names = list(dict.fromkeys(name for _, name in lacking))
    more = and_more(names)
    lacks = f"{installed(view)} does not define" if view.facts.torch else "no torch here defines"
    origin = f"; {releases(user.judgement)}" if user.judgement else ""
    return Fault(
        severity=weighed.severity or WARNING,
        subject=user.owner,
        message=f"{user.label} needs {shown(view, names[0])}{more}, which {lacks}{origin}.",
        evidence=tuple(
            f"{file_of(library)}: undefined symbol {name}" for library, name in lacking[:10]
        )
        + says(view, 127)
        + view.derive(Imports.of).way(weighed.libraries),
        breaks=(f"symbols:{user.owner}", f"load:{user.owner}"),
        needs=(f"family:{user.owner}", "torch"),
        payload=ExtensionModules(
            user.owner, tuple(sorted({library.path for library, _ in lacking}))
        ),
    )
