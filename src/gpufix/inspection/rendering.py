"""The report of an inspection as plain text of at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from gpufix.evidence.inspected import File, InspectedCode, Inspection, TorchNeed
from gpufix.text.clean import clean

_WIDTH = 80
_SHOWN = {
    "native": "GPU native",
    "jit": "GPU by JIT",
    "partly": "GPU in part",
    "too new": "PTX too new",
    "none": "GPU no",
    "unknown": "GPU unknown",
}
_FILES = 12


def render(inspection: Inspection, verbose: bool = False) -> str:
    """One block: a title, what all files say together, then the files."""
    return "".join(f"{clean(line)}\n" for line in _lines(inspection, verbose))


def _lines(found: Inspection, verbose: bool) -> Iterator[str]:
    title = f"{found.name} {found.version}" if found.name else found.subject
    yield f"{title} ({found.kind})" if found.kind != "file" else title
    if found.tags:
        yield from _row("tags", ", ".join(found.tags))
    if found.torch:
        yield from _row("torch", torch_line(found.torch))
    if found.cxx11_abi is not None:
        yield from _row("C++ ABI", f"_GLIBCXX_USE_CXX11_ABI={found.cxx11_abi}")
    if found.served:
        yield from _chart(found)
    if found.here:
        yield from _row("here", _here(found))
    # What uses torch or holds GPU code is what the question is about.
    files = sorted(found.files, key=lambda f: (f.torch is None, not f.code, f.path))
    shown = files if verbose else files[:_FILES]
    for file in shown:
        yield from _file(file, alone=len(found.files) == 1)
    if len(found.files) > len(shown):
        yield f"  … {len(found.files) - len(shown)} more files (-v)"
    if not found.files:
        yield "  no compiled file"
    for gap in found.gaps if verbose else found.gaps[:8]:
        yield from _row("? not read", gap)


def torch_line(need: TorchNeed) -> str:
    """ "built for 2.6 or newer; symbols resolve in 2.6 – 2.8"."""
    needs = f"; needs a {' or '.join(need.accelerators)} build" if need.accelerators else ""
    if need.interface == "none":
        return "uses none of torch's symbols"
    if need.built_for is None:
        if need.newer:
            return f"built for a newer torch than is known here{needs}"
        names = f" ({', '.join(need.unseen[:2])} …)" if need.unseen else ""
        return f"no known release has all of its symbols{names}{needs}"
    minors = list(dict.fromkeys(".".join(r.split(".")[:2]) for r in need.releases))
    span = minors[0] if len(minors) == 1 else f"{minors[0]} – {minors[-1]}"
    newer = " or newer" if len(minors) > 1 else ""
    stable = " (stable interface)" if newer and need.interface == "stable" else ""
    return f"built for {need.built_for}{newer}; symbols resolve in {span}{stable}{needs}"


def _chart(found: Inspection) -> Iterator[str]:
    """Targets by how they are served, in one row each; PTX with the drivers that compile it."""
    for how, label in _SHOWN.items():
        targets = [t for t, served in found.served.items() if served == how]
        for cuda in dict.fromkeys(found.drivers.get(t) for t in targets):
            names = " ".join(t for t in targets if found.drivers.get(t) == cuda)
            yield from _row(
                label, f"{names} ({_drivers(how, cuda, found.driver)})" if cuda else names
            )


def _drivers(how: str, cuda: str, driver: str | None) -> str:
    if how == "too new":
        return f"needs a driver of CUDA {cuda} or newer, this one is of {driver}"
    return f"drivers of CUDA {cuda} or newer"


def _here(found: Inspection) -> str:
    here = found.here or {}
    torch = f"torch {here['torch']}" if here.get("torch") else "no torch"
    tags = [t for t in here["python_tags"] if t not in (here["python_tag"], "abi3")]
    words = {
        "same-minor": "built for it",
        "stable": "its stable interface suffices",
        "layout-not-promised": "symbols resolve (built for it, or for another of these)",
        "lacks-symbols": "lacks symbols that are needed",
        "unknown": "a build whose symbols are not known",
    }
    promise = f": {words[here['promise']]}" if here.get("promise") else ""
    other = f"; modules for {', '.join(tags)}, not {here['python_tag']}" if tags else ""
    return f"{torch}{promise}{other}"


def _file(file: File, alone: bool) -> Iterator[str]:
    yield f"  {file.path} ({file.kind}{', ' + file.machine if file.machine else ''})"
    if file.python_tag:
        yield from _row("Python", file.python_tag, 4)
    if file.needed:
        yield from _row("needs", ", ".join(file.needed), 4)
    floors = {"glibc": file.glibc, "GLIBCXX": file.glibcxx, "CXXABI": file.cxxabi}
    if any(floors.values()):
        yield from _row("at least", ", ".join(f"{k} {v}" for k, v in floors.items() if v), 4)
    if file.exports or file.undefined:
        yield from _row("symbols", f"{file.exports} exported, {file.undefined} undefined", 4)
    if file.torch and not alone:
        yield from _row("torch", torch_line(file.torch), 4)
    if file.code:
        yield from _row("GPU code", ", ".join(dict.fromkeys(_code(file.code))), 4)
    for target, units in file.lacking.items():
        more = f" and {len(units) - 4} more" if len(units) > 4 else ""
        yield from _row(f"not {target}", f"{', '.join(units[:4])}{more}", 4)
    if file.here is not None:
        yield from _row("loads here", "; ".join(file.here[:6]) or "yes", 4)


def _code(code: Sequence[InspectedCode]) -> Iterator[str]:
    for item in sorted(code, key=lambda c: (c.kind, len(c.arch), c.arch)):
        label = {"cubin": item.arch, "hip": item.arch, "ptx": f"PTX {item.arch}"}
        isa = f" ({item.ptx_version})" if item.ptx_version and item.kind == "ptx" else ""
        yield f"{label.get(item.kind, f'{item.kind} {item.arch}')}{isa}"


def _row(label: str, value: str, indent: int = 2) -> Iterator[str]:
    """A labelled value, folded with a hanging margin."""
    head = f"{' ' * indent}{label:<11} "
    yield from textwrap.wrap(
        value,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    ) or [head.rstrip()]
