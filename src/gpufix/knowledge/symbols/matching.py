"""Judges the undefined symbols of libraries by the history of torch's exports."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from gpufix.binary.demangle.mangled import cxx11_abi, is_torch_name, string_abi
from gpufix.frozen import Frozen
from gpufix.knowledge.symbols.history import NameHistory, SymbolHistory
from gpufix.knowledge.symbols.judgement import BREAKS, Interface, LayoutBreak, SymbolJudgement
from gpufix.knowledge.symbols.releases import other_spelling

_STABLE = re.compile(r"aoti_|torch_|_ZNK?5torch(?:6stable|10headeronly)")
_ROCM = re.compile(r"3hip|HIP|Hip|rocm|ROCM")
_XPU = re.compile(r"3xpu|XPU|_xpu")


class LibrarySymbols(Frozen):
    """One library: dynamic symbols it leaves undefined (weak ones left out), and those it defines.

    needed: its DT_NEEDED names, which tell the accelerator it links to.
    """

    undefined: Collection[str]
    defined: Collection[str] = ()
    needed: Collection[str] = ()


def judge(
    history: SymbolHistory,
    libraries: Iterable[LibrarySymbols],
    installed_exports: Callable[[str], bool] | None = None,
) -> SymbolJudgement:
    """Judges libraries that are used together, such as all of one wheel.

    What one of them defines is not asked of torch. `installed_exports` says whether the
    installed torch defines a name: it, not the history, then decides what is missing, and
    a name that only it knows is not held against any release.
    """
    together = list(libraries)
    own = {name for library in together for name in library.defined}
    wanted = sorted(
        name
        for name in {name for library in together for name in library.undefined} - own
        if is_torch_name(name)
    )
    missing = None
    if installed_exports is not None:
        missing = tuple(name for name in wanted if not installed_exports(name))
    names, unknown = _look_up(history, wanted, missing)
    foreign = tuple(name for name in unknown if _ROCM.search(name) or _XPU.search(name))
    pairs = _other_spellings(history, [name for name in unknown if name not in foreign])
    accounted = {*foreign, *(name for name, _ in pairs)}
    unseen = tuple(name for name in unknown if name not in accounted)
    plain = _shared(history, names)
    suffice = plain if wanted and not unseen and not pairs else 0
    abi = cxx11_abi(wanted, own)
    # The names file is slow to open: only for a library that something keeps from loading.
    sick = bool(missing) if missing is not None else not suffice
    other = 0
    if sick and not unseen and abi.abi is not None:
        other = _with_own_abi(history, names, pairs) & ~suffice
    return SymbolJudgement(
        known=history.releases,
        names=tuple(names),
        releases=history.versions(suffice) if names else (),
        unseen=unseen,
        other_abi=tuple(pairs),
        other_abi_releases=history.versions(other),
        foreign=foreign,
        missing=missing,
        accelerators=_accelerators(together, names, foreign),
        interface=_interface(wanted),
        newer=bool(unseen) and bool(plain >> (len(history.releases) - 1) & 1),
        abi=abi,
        struck=tuple(b for b in BREAKS if any(map(b.strikes.match, wanted))),
        breaks=tuple(b for b in BREAKS if _before(b, together, own)),
    )


def _before(break_: LayoutBreak, libraries: list[LibrarySymbols], own: set[str]) -> bool:
    """One of them is older than the break, and none newer: they were built together."""
    return any(break_.precedes(x.undefined, x.defined) for x in libraries) and not any(
        map(break_.mark.match, own)
    )


def _look_up(
    history: SymbolHistory, wanted: list[str], missing: tuple[str, ...] | None
) -> tuple[list[NameHistory], list[str]]:
    """(histories of the names found, names found nowhere)."""
    found, unknown = [], []
    for name in wanted:
        listed = history.table.get(name) is not None
        # The names file is slow to open: no use for a name that the installed torch has.
        if not listed and missing is not None and name not in missing:
            continue
        record = history.history(name)
        if record is None:
            unknown.append(name)
        else:
            found.append(record)
    return found, unknown


def _shared(history: SymbolHistory, names: Iterable[NameHistory]) -> int:
    """The mask of releases that export all `names`."""
    mask = (1 << len(history.releases)) - 1
    for record in names:
        mask &= history.mask(record.releases)
    return mask


def _other_spellings(history: SymbolHistory, unknown: list[str]) -> list[tuple[str, str]]:
    pairs = ((name, other_spelling(history, name)) for name in unknown)
    return [(name, other) for name, other in pairs if other is not None]


def _with_own_abi(
    history: SymbolHistory, names: list[NameHistory], pairs: list[tuple[str, str]]
) -> int:
    """Releases that would suffice, were they built with the C++ ABI of the library.

    A name with std::string counts by its other spelling; when that has no history either, the
    name says nothing.
    """
    mask = _shared(history, (record for record in names if string_abi(record.name) is None))
    for name in [record.name for record in names] + [name for name, _ in pairs]:
        if string_abi(name) is None:
            continue
        spelled = history.masks(name)
        other = dict(pairs).get(name) or other_spelling(history, name)
        known = history.masks(other) if other else None
        either = (spelled.any if spelled else 0) | (known.any if known else 0)
        mask &= either
    return mask


def _accelerators(
    libraries: list[LibrarySymbols], names: list[NameHistory], foreign: tuple[str, ...]
) -> frozenset[str]:
    needed = " ".join(soname for library in libraries for soname in library.needed)
    found = {
        "cuda": "libtorch_cuda" in needed or "libc10_cuda" in needed,
        "rocm": "libtorch_hip" in needed or "libc10_hip" in needed,
        "xpu": "libtorch_xpu" in needed or "libc10_xpu" in needed,
    }
    found["cuda"] |= any(record.home == "cuda" for record in names)
    found["rocm"] |= any(_ROCM.search(name) for name in foreign)
    found["xpu"] |= any(_XPU.search(name) for name in foreign)
    return frozenset(kind for kind, is_needed in found.items() if is_needed)


def _interface(wanted: list[str]) -> Interface:
    if not wanted:
        return "none"
    return "stable" if all(_STABLE.match(name) for name in wanted) else "cxx"
