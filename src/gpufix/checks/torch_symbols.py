"""What the symbols of each distribution's libraries say about torch; shared by ABI and SYM rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from posixpath import basename

from gpufix.binary.mangle import is_torch_name
from gpufix.knowledge.symbols import Judgement, SymbolHistory, judge
from gpufix.knowledge.symbols import Library as Symbols
from gpufix.model import Library, Problem
from gpufix.view import View


@dataclass(frozen=True)
class TorchUser:
    """One distribution (or lone library) that links torch.

    `lacking` are the torch names that the installed torch does not define, with the library that
    asks; `judgement` is None where the symbol history does not reach (not x86-64 Linux).
    """

    owner: str
    libraries: tuple[Library, ...]
    lacking: tuple[tuple[Library, Problem], ...]
    judgement: Judgement | None

    @property
    def names(self) -> list[str]:
        """The lacking names, each once."""
        return list(dict.fromkeys(problem.name for _, problem in self.lacking))


def torch_users(view: View) -> list[TorchUser]:
    """Every distribution whose libraries link torch, torch itself left out."""
    groups: dict[str, list[Library]] = {}
    for library in view.facts.binaries.libraries:
        if library.links_torch and library.distribution != "torch":
            groups.setdefault(library.distribution or library.path, []).append(library)
    return [_user(view, owner, libraries) for owner, libraries in sorted(groups.items())]


def _user(view: View, owner: str, libraries: list[Library]) -> TorchUser:
    lacking = tuple(
        (library, problem)
        for library in libraries
        for problem in library.problems
        if problem.kind == "undefined-symbol" and is_torch_name(problem.name)
    )
    return TorchUser(owner, tuple(libraries), lacking, _judgement(view, libraries, lacking))


def _judgement(
    view: View, libraries: list[Library], lacking: tuple[tuple[Library, Problem], ...]
) -> Judgement | None:
    host, torch = view.facts.host, view.facts.torch
    if host.machine != "x86_64" or host.os != "Linux":
        return None
    # Where the installed torch could not be read, the history alone decides.
    absent = {problem.name for _, problem in lacking}
    whole = torch is not None and torch.state == "ok"
    symbols = [
        Symbols(undefined=tuple(names), needed=tuple(library.needed))
        for library in libraries
        if (names := view.ask("torch-symbols", library.path))
    ]
    if not symbols:
        return None
    return judge(_history(), symbols, (lambda name: name not in absent) if whole else None)


@cache
def _history() -> SymbolHistory:
    return SymbolHistory.load()


def releases(judgement: Judgement) -> str:
    """ "built for torch 2.6; its symbols resolve in 2.6 – 2.8", or why that cannot be said."""
    if judgement.built_for is None:
        if judgement.newer:
            return f"built for a newer torch than {judgement.known[-1]}, the newest known here"
        return "no known torch release has all of its symbols"
    first, last = judgement.minors[0], judgement.minors[-1]
    span = first if first == last else f"{first} – {last}"
    return f"built for torch {judgement.built_for}, loads with {span}"


def shown(view: View, name: str) -> str:
    """A symbol for people: demangled where that is possible."""
    return str(view.ask("demangle", name) or name)


def file_of(library: Library) -> str:
    """The library's file name."""
    return basename(library.path)
