"""SYM401."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.checks.torch_symbols import TorchUser, file_of, releases, shown, torch_users
from gpufix.view import View


@rule("SYM401", "undefined-torch-symbol")
def undefined_torch_symbol(view: View) -> Iterator[Fault]:
    """An extension asks for symbols that the installed torch does not define.

    ## What it does
    Resolves every undefined symbol of every library the loader's way, and looks those that torch
    lacks up in the history of 30 releases' exports: which releases have all that the libraries of
    this package ask for, and which minor it was built for (the lowest of them).

    ## Why it matters
    `ImportError: … undefined symbol: _ZNK3c107SymBool14guard_or_falseEPKcl`.

    ## Example
    `diff-gaussian-rasterization 0.0.0 needs c10::SymBool::guard_or_false(char const*, long)
    const, which torch 2.7.0 does not define; it is built for torch 2.8, loads with 2.8 – 2.10.`

    ## Severity
    Error for extension modules; warning when only a library that nothing imports is affected.

    ## Fix
    Safe: rebuild for the installed torch, when its source is here. Unsafe: the torch it is made
    for.

    ## Source
    The exports of torch's own wheels, x86-64 Linux; ld.so(8).
    """
    for user in view.derive(torch_users):
        if user.lacking and not _other_abi(view, user):
            yield _fault(view, user)


def _other_abi(view: View, user: TorchUser) -> bool:
    """Names that differ by std::string alone are ABI301's."""
    if user.judgement is None:
        return False
    spelled = {name for name, _ in user.judgement.other_abi}
    return bool(spelled) and all(name in spelled for name in user.names)


def _fault(view: View, user: TorchUser) -> Fault:
    torch = view.facts.torch
    version = torch.version if torch else "?"
    dist = view.dist(user.owner)
    label = f"{dist.name} {dist.version}" if dist else user.owner
    names = user.names
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    origin = f"; it is {releases(user.judgement)}" if user.judgement else ""
    imported = any(library.module for library, _ in user.lacking) or _registers(user)
    return Fault(
        severity=ERROR if imported else WARNING,
        subject=user.owner,
        message=f"{label} needs {shown(view, names[0])}{more}, which torch {version} does not "
        f"define{origin}.",
        evidence=tuple(
            f"{file_of(library)}: undefined symbol {problem.name}"
            for library, problem in user.lacking[:10]
        ),
        breaks=(f"symbols:{user.owner}", f"load:{user.owner}"),
        needs=(f"family:{user.owner}", "torch"),
        data=_data(user),
    )


def _registers(user: TorchUser) -> bool:
    """Whether a library that fails registers operators with torch."""
    return any("5torch7Library" in problem.name for _, problem in user.lacking) or any(
        not library.module for library, _ in user.lacking
    )


def _data(user: TorchUser) -> dict[str, object]:
    judgement = user.judgement
    return {
        "distribution": user.owner,
        "symbols": user.names[:50],
        "releases": list(judgement.releases) if judgement else [],
        "built_for": judgement.built_for if judgement else None,
        "libraries": [library.path for library, _ in user.lacking],
    }
