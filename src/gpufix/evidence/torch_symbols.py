"""What the symbols of each distribution's libraries say about torch; shared by ABI and SYM rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from posixpath import basename
from typing import TYPE_CHECKING

from gpufix.binary.demangle.mangled import is_torch_name
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.model import Library

if TYPE_CHECKING:
    from gpufix.knowledge.symbols import SymbolHistory, SymbolJudgement

_STRING = "basic_string<char, std::char_traits<char>, std::allocator<char> >"


class TorchUser(Frozen):
    """One distribution (or lone library) that links torch.

    `lacking` are the torch names that the installed torch does not define, with the library that
    asks; `judgement` is None where the symbol history does not reach (not x86-64 Linux).
    """

    owner: str
    label: str  # name and version
    libraries: tuple[Library, ...]
    lacking: tuple[tuple[Library, str], ...]
    judgement: SymbolJudgement | None

    @property
    def names(self) -> list[str]:
        """The lacking names, each once."""
        return list(dict.fromkeys(name for _, name in self.lacking))


def torch_users(view: View) -> list[TorchUser]:
    """Every distribution whose libraries link torch, torch itself left out."""
    groups: dict[str, list[Library]] = {}
    for library in view.facts.binaries.libraries:
        if library.links_torch and library.distribution != "torch":
            groups.setdefault(library.distribution or library.path, []).append(library)
    return [_user(view, owner, libraries) for owner, libraries in sorted(groups.items())]


def _user(view: View, owner: str, libraries: list[Library]) -> TorchUser:
    dist = view.dist(owner)
    label = f"{dist.name} {dist.version}" if dist else owner
    undefined = {
        library.path: [
            p.name
            for p in library.problems
            if p.kind == "undefined-symbol" and is_torch_name(p.name)
        ]
        for library in libraries
    }
    judgement = _judgement(view, libraries, undefined)
    lacking = [(library, name) for library in libraries for name in undefined[library.path]]
    if not lacking and judgement is not None:
        lacking = list(_by_history(view, libraries, judgement))
    return TorchUser(owner, label, tuple(libraries), tuple(lacking), judgement)


def _by_history(
    view: View, libraries: list[Library], judgement: SymbolJudgement
) -> Iterator[tuple[Library, str]]:
    """Where a missing library left the loader's answer open, the releases' exports answer."""
    torch = view.facts.torch
    if torch is None or judgement.promise(torch.version or "") != "lacks-symbols":
        return
    absent = {n.name for n in judgement.names if torch.release not in n.releases}
    for library in libraries:
        if _is_cut_short(library):
            names = view.torch_symbols(library.path) or ()
            yield from ((library, name) for name in names if name in absent)


def _is_cut_short(library: Library) -> bool:
    """Whether a missing library kept the loader from looking for symbols."""
    return any(p.kind == "missing-library" for p in library.problems)


def _judgement(
    view: View, libraries: list[Library], undefined: dict[str, list[str]]
) -> SymbolJudgement | None:
    from gpufix.knowledge.symbols import LibrarySymbols, judge

    host, torch = view.facts.host, view.facts.torch
    if host.machine != "x86_64" or host.os != "Linux":
        return None
    symbols = {
        library.path: LibrarySymbols(undefined=names, needed=tuple(library.needed))
        for library in libraries
        if (names := view.torch_symbols(library.path))
    }
    if not symbols:
        return None
    # Where the installed torch could not be asked for every name, the history alone decides.
    absent = {name for names in undefined.values() for name in names}
    answered = torch is not None and torch.state == "ok" and not any(map(_is_cut_short, libraries))
    installed = (lambda name: name not in absent) if answered else None
    found = judge(history(), symbols.values(), installed)
    if torch is None or not found.may_be_broken_by(torch.version or ""):
        return found
    completed = [
        replace(names, defined=view.c10_destructors(path) or ()) for path, names in symbols.items()
    ]
    return judge(history(), completed, installed)


def other_abi(view: View, user: TorchUser) -> list[tuple[str, str]] | None:
    """(asked for, what torch has) when the spelling of std::string is all that is wrong.

    None as soon as one name is lacking otherwise, or when the package says itself that it is made
    for another torch: then the ABI is but a part of that.
    """
    if not user.lacking or _wants_another(view, user.owner):
        return None
    from gpufix.knowledge.symbols.releases import other_spelling

    pairs = []
    for name in user.names:
        other = other_spelling(history(), name)
        if other is None or not view.exports(other):
            return None
        pairs.append((name, other))
    return pairs


def _wants_another(view: View, owner: str) -> bool:
    unmet = view.derive(Requirements.of).unmet
    return any(row.dist.name == owner and row.name == "torch" for row in unmet)


@cache
def history() -> SymbolHistory:
    """The shipped table, loaded once."""
    from gpufix.knowledge.symbols import SymbolHistory

    return SymbolHistory.load()


def releases(judgement: SymbolJudgement) -> str:
    """ "it is built for torch 2.6 or newer, loads with 2.6 – 2.8", or why that cannot be said."""
    if judgement.built_for is None:
        if judgement.newer:
            return (
                f"it is built for a newer torch than {judgement.known[-1]}, the newest known here"
            )
        return "no known torch release has all of its symbols"
    first, last = judgement.minors[0], judgement.minors[-1]
    span = first if first == last else f"{first} – {last}"
    newer = "" if first == last else " or newer"
    return f"it is built for torch {judgement.built_for}{newer}, loads with {span}"


def installed(view: View) -> str:
    """ "torch 2.7.1+cu128"; "torch" where its version is not known."""
    torch = view.facts.torch
    return f"torch {torch.version}" if torch and torch.version else "torch"


def shown(view: View, name: str) -> str:
    """A symbol for people: demangled where that is possible, std::string by its short name."""
    readable = view.demangle(name) or name
    for namespace in ("std::__cxx11::", "std::"):
        readable = readable.replace(f"{namespace}{_STRING}", f"{namespace}string")
    return readable


def file_of(library: Library) -> str:
    """The library's file name."""
    return basename(library.path)
