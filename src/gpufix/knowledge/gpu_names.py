"""Product names: compared word by word, so that case, vendor and order of habit do not matter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from gpufix.knowledge.table import table

# Words that say who sells it, not which chip it is.
_NOISE = {"nvidia", "amd", "gpu", "graphics", "corporation", "tm", "r", "laptop", "mobile", "the"}


def words(text: str) -> frozenset[str]:
    """ "GeForce RTX5080 (Laptop)" -> {"geforce", "rtx", "5080"}."""
    spaced = re.sub(r"\b(rtx|gtx|gt|rx)(?=\d)", r"\1 ", text.lower())
    return frozenset(re.findall(r"[a-z0-9]+", spaced)) - _NOISE


def candidates(text: str) -> list[tuple[str, str]]:
    """Products (name, arch) that have every word of the text; only the exact one if there is."""
    asked = words(text)
    if not asked:
        return []
    found = [(name, arch, have) for name, arch, have in _index() if asked <= have]
    exact = [(name, arch) for name, arch, have in found if have == asked]
    return exact or [(name, arch) for name, arch, _ in found]


def arch_by_words(text: str) -> str | None:
    """The architecture of a name that holds more words than the table's: "RTX 4080 SUPER"."""
    for pattern, arch in table("gpus")["nvidia"]["patterns"]:
        if re.search(pattern, text, re.I):
            return str(arch)
    asked = words(text)
    amd = [(have, arch) for _, arch, have in _index() if arch.startswith("gfx") and have <= asked]
    longest = max((len(have) for have, _ in amd), default=0)
    archs = {arch for have, arch in amd if len(have) == longest and longest > 1}
    return archs.pop() if len(archs) == 1 else None


def close_names(text: str) -> list[str]:
    """Up to three products that look like the text."""
    plain = {_plain(name): name for name, _, _ in _index()}
    return [plain[n] for n in close(_plain(text), plain, 0.6)]


def close(text: str, names: Iterable[str], cutoff: float) -> list[str]:
    """Up to three names that look like the text, best first."""
    import difflib  # only a typing error pays for it

    return difflib.get_close_matches(text, list(names), 3, cutoff)


def _plain(text: str) -> str:
    return re.sub(r"\b(nvidia|geforce|amd|radeon|instinct)\b|[^a-z0-9]", "", text.lower())


@cache
def _index() -> tuple[tuple[str, str, frozenset[str]], ...]:
    data = table("gpus")
    rows = [(name, arch) for name, (arch, _) in data["nvidia"]["names"].items()]
    rows += [(name, gfx) for gfx, row in data["amd"].items() for name in row[0]]
    return tuple((name, arch, words(name)) for name, arch in rows)
