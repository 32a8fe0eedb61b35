"""What the symbols of a library, or of all libraries of a wheel, say about the torch it needs."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

from gpufix.binary.demangle.mangled import AbiVerdict
from gpufix.frozen import Frozen
from gpufix.knowledge.symbols.history import NameHistory

Interface = Literal["none", "stable", "cxx"]
Promise = Literal[
    "same-minor", "stable", "layout-not-promised", "layout-broken", "lacks-symbols", "unknown"
]

# Local versions of builds whose exports were compared with the PyPI wheel of the same release;
# any other local version (a git hash, a vendor's container) is a build of its own.
_RELEASE = re.compile(r"(\d+\.\d+\.\d+)(?:\+(cpu|cu\d+|rocm[\d.]+|xpu))?")
# https://pytorch.org/blog/pytorch2-6/: these builds of 2.6 turned to the new C++ ABI, PyPI's not.
_OLD_ABI_2_6 = {None, "cpu", "cu118", "cu124"}


class LayoutBreak(Frozen):
    """Two neighbouring minors between which an inline C++ layout changed without a symbol telling.

    It strikes only libraries that use `strikes`: code compiled in from the header. From `after` on
    their compilers also write out `mark`, an inline function that the older header lacks. Where
    some function like `inline` can be seen, but no mark, the library is older.
    """

    before: str
    after: str
    what: str
    strikes: re.Pattern[str]
    mark: re.Pattern[str]
    inline: re.Pattern[str]

    def precedes(self, undefined: Collection[str], defined: Collection[str]) -> bool:
        """Whether a library is struck, and shows by its symbols that it is of before the break."""
        return (
            any(map(self.strikes.match, undefined))
            and any(map(self.inline.match, defined))
            and not any(map(self.mark.match, defined))
        )


BREAKS = (
    LayoutBreak(
        "2.8",
        "2.9",
        "registering an operator fills a structure whose layout changed "
        "(c10::impl::OperatorEntry::registerKernel)",
        # What holds a c10::KernelFunction, which has a destructor of its own since 2.9
        # (ATen/core/boxing/KernelFunction_impl.h). GCC 12 -O1 to -O3 and clang 19 write it out
        # wherever they write out any destructor of c10's.
        re.compile(r"_ZN[KRO]*5torch11CppFunction|_ZN3c1017RegisterOperators"),
        mark=re.compile(r"_ZN3c1014KernelFunctionD[012]Ev"),
        inline=re.compile(r"_ZN3c10\d+[A-Za-z]\w*D[012]Ev"),
    ),
)


def minor(version: str) -> str:
    """2.13.0 → 2.13"""
    return ".".join(version.split(".")[:2])


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


class SymbolJudgement(Frozen):
    """Answers of the symbol history; every list of releases is in release order.

    known: all releases that the history covers.
    names: the torch names asked for that some release exports.
    releases: those whose exports suffice; empty when none has all names, and for `interface` none.
    unseen: torch names that no release exports, save those below and what the installed torch has.
    other_abi: pairs (asked for, known): the other std::string ABI's spelling of a known name.
    other_abi_releases: releases that would suffice if built with the library's own C++ ABI.
    foreign: names of ROCm or XPU builds, which the history does not cover.
    missing: names that the installed torch lacks; None when it was not asked.
    accelerators: builds that the library needs, of cuda, rocm, xpu.
    struck: layout changes that strike this library; breaks: those before which the library was built for certain.
    interface: stable when only torch's C and stable interface is used, none without torch names.
    newer: asks for names newer than every release known, and all others are in the newest.
    """

    known: tuple[str, ...]
    names: tuple[NameHistory, ...]
    releases: tuple[str, ...]
    unseen: tuple[str, ...]
    other_abi: tuple[tuple[str, str], ...]
    other_abi_releases: tuple[str, ...]
    foreign: tuple[str, ...]
    missing: tuple[str, ...] | None
    accelerators: frozenset[str]
    interface: Interface
    newer: bool
    abi: AbiVerdict
    struck: tuple[LayoutBreak, ...]
    breaks: tuple[LayoutBreak, ...]

    @property
    def built_for(self) -> str | None:
        """The lowest minor whose symbols suffice: built for it or a later one; None when none does."""
        return minor(self.releases[0]) if self.releases else None

    @property
    def minors(self) -> tuple[str, ...]:
        """The minors of `releases`, each once."""
        return tuple(dict.fromkeys(minor(release) for release in self.releases))

    def promise(self, version: str) -> Promise:
        """What may be expected of torch `version`, as torch.__version__ spells it.

        unknown: no release of the history (nightly, vendor's, source build, another patch),
        a build with another ABI than the release's, or nothing to judge by.
        """
        release = self._release(version)
        if release is None or self.interface == "none":
            return "unknown"
        if release not in self.releases:
            return "lacks-symbols"
        if self.interface == "stable":
            return "stable"
        if len(self.minors) == 1:
            return "same-minor"
        return "layout-broken" if self.broken_by(release) else "layout-not-promised"

    def broken_by(self, version: str) -> LayoutBreak | None:
        """The known layout break between this library and `version`."""
        release = self._release(version)
        if release is None:
            return None
        there = _order(minor(release))
        return next((b for b in self.breaks if _order(b.after) <= there), None)

    def may_be_broken_by(self, version: str) -> bool:
        """Whether names alone leave open on which side of a layout change it was built."""
        release = self._release(version)
        if release is None or release not in self.releases:
            return False
        lowest, there = _order(minor(self.releases[0])), _order(minor(release))
        return any(lowest <= _order(b.before) and _order(b.after) <= there for b in self.struck)

    def _release(self, version: str) -> str | None:
        match = _RELEASE.fullmatch(version)
        if match is None or match[1] not in self.known:
            return None
        if match[1] == "2.6.0" and match[2] not in _OLD_ABI_2_6:
            return None
        return match[1]
