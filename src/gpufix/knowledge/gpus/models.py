"""GPUs as users and drivers name them, and the targets that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import numbers, source, table
from gpufix.knowledge.gpus.architectures import GENERIC_MEMBERS, Arch, GfxArch, parse_arch
from gpufix.model import Target


class GpuNameError(ValueError):
    """The text names no single GPU architecture. Its string says why."""


class UnknownGpu(GpuNameError):
    """Nothing of this name is known. `suggestions` are close misses, best first."""

    def __init__(self, text: str, suggestions: Sequence[str] = (), reason: str = "") -> None:
        self.text = text
        self.suggestions = tuple(suggestions)
        hint = f"; did you mean {' or '.join(self.suggestions)}?" if self.suggestions else ""
        why = f": {reason}" if reason else ""
        hint = hint or ("" if reason else "; expected a product or an architecture, as in sm_120")
        super().__init__(f"{text!r} names no GPU that gpufix knows{why}{hint}")


class AmbiguousGpu(GpuNameError):
    """Products of several architectures share this name. `choices` are (name, arch)."""

    def __init__(self, text: str, choices: Sequence[tuple[str, str]]) -> None:
        self.text = text
        self.choices = tuple(choices)
        shown = ", ".join(f"{name} ({arch})" for name, arch in self.choices[:8])
        more = f" and {len(self.choices) - 8} more" if len(self.choices) > 8 else ""
        super().__init__(f"{text!r} is several GPUs: {shown}{more}")


# Words that say who sells it, not which chip it is.
_NOISE = {"nvidia", "amd", "gpu", "graphics", "corporation", "tm", "r", "laptop", "mobile", "the"}


def words(text: str) -> frozenset[str]:
    """ "GeForce RTX5080 (Laptop)" -> {"geforce", "rtx", "5080"}."""
    spaced = re.sub(r"\b(rtx|gtx|gt|rx)(?=\d)", r"\1 ", text.lower())
    return frozenset(re.findall(r"[a-z0-9]+", spaced)) - _NOISE


def candidates(text: str) -> list[tuple[str, str]]:
    """Products (name, arch) that have every word of the text; only the exact one if there is."""
    wanted = words(text)
    if not wanted:
        return []
    found = [(name, arch, have) for name, arch, have in _index() if wanted <= have]
    exact = [(name, arch) for name, arch, have in found if have == wanted]
    return exact or [(name, arch) for name, arch, _ in found]


def arch_by_words(text: str) -> str | None:
    """The architecture of a name that holds more words than the table's: "RTX 4080 SUPER"."""
    for pattern, arch in table("gpus")["nvidia"]["patterns"]:
        if re.search(pattern, text, re.I):
            return str(arch)
    wanted = words(text)
    amd = [(have, arch) for _, arch, have in _index() if arch.startswith("gfx") and have <= wanted]
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


_PREFIX = re.compile(r"(?:cc|compute capability)[ _-]*(?=\d)|(?<=sm|te)[ -](?=\d)", re.I)

# CUDA 12.8 and 12.9 call Thor 10.1; it is the same chip (torch/cuda/__init__.py, 2.15).
_RENAMED = {"sm_101": "sm_110", "sm_101a": "sm_110a", "sm_101f": "sm_110f"}


def arch_of_spelling(text: str) -> str | None:
    """ "12.0a" -> "sm_120a", "GFX1101" -> "gfx1101". None when it is no such spelling.

    Raises UnknownGpu for a spelling of something that is not a GPU, AmbiguousGpu for "90a".
    """
    if re.search(r"\+ptx$", text, re.I):
        raise UnknownGpu(
            text,
            [text[: -len("+ptx")].strip()],
            "+PTX says what a build embeds, not which GPU must be served",
        )
    if re.fullmatch(r"gfx[\w-]+-generic", text, re.I):
        raise UnknownGpu(text, reason="a generic target is code that several GPUs run, not a GPU")
    if text.lower() == "90a":
        raise AmbiguousGpu(text, [("sm_90a", "NVIDIA Hopper"), ("gfx90a", "AMD MI200")])
    arch = _parsed(_PREFIX.sub("", text))
    if arch is not None:
        name = _RENAMED.get(str(arch), str(arch))
        return _checked(text, name, arch.name if isinstance(arch, GfxArch) else name)
    if is_known(f"gfx{text.lower()}"):
        raise UnknownGpu(text, [f"gfx{text.lower()}"])
    return None


def _parsed(text: str) -> Arch | None:
    try:
        return parse_arch(text)
    except ValueError:
        return None


def is_known(arch: str) -> bool:
    """Whether an architecture (without features) is in the tables."""
    if arch.startswith("gfx"):
        return arch in table("gpus")["amd"]
    return arch.removeprefix("sm_") in table("cuda_toolkits")["sm"]


def _checked(text: str, arch: str, base: str) -> str:
    if not is_known(base):
        raise UnknownGpu(text, _near(base))
    return arch


def _near(base: str) -> list[str]:
    digits = base.removeprefix("sm_").removeprefix("gfx")
    known = [f"sm_{sm}" for sm in table("cuda_toolkits")["sm"]] + list(table("gpus")["amd"])
    same = [arch for arch in known if arch in (f"gfx{digits}", f"sm_{digits.rstrip('af')}")]
    return same or close(base, known, 0.75)


__all__ = [
    "AmbiguousGpu",
    "GpuNameError",
    "Override",
    "UnknownGpu",
    "arch_of_name",
    "generic_of",
    "hsa_override",
    "is_known",
    "products",
    "resolve",
    "rocm_support",
    "wave_size",
]

Tier = Literal["supported", "deprecated", "unsupported"]


class Override(Frozen):
    """An HSA_OVERRIDE_GFX_VERSION value for a gfx. `risk`: "low", "high" or "unverified"."""

    gfx: str
    value: str
    risk: str
    text: str
    source: str

    @property
    def poses_as(self) -> str:
        """The gfx whose code is then run: "10.3.0" -> "gfx1030"."""
        return str(posed(self.value))


def posed(value: str) -> str | None:
    """The gfx that a value of HSA_OVERRIDE_GFX_VERSION stands for: "9.0.10" -> "gfx90a".

    None for what the runtime refuses (libhsakmt, topology.c).
    """
    found = re.fullmatch(r"(\d{1,2})\.(\d{1,3})\.(\d{1,3})", value, re.ASCII)
    return f"gfx{found[1]}{int(found[2]):x}{int(found[3]):x}" if found else None


def resolve(text: str, source: str | None = None) -> Target:
    """The target that a user named: an architecture in any usual spelling, or a product.

    Raises UnknownGpu (with close misses) or AmbiguousGpu (with the choices).
    """
    text = " ".join(text.split())[:100]
    arch = arch_of_spelling(text)
    name = None
    if arch is None:
        name, arch = _by_product(text)
    vendor: Literal["nvidia", "amd"] = "amd" if arch.startswith("gfx") else "nvidia"
    return Target(vendor=vendor, arch=arch, name=name, source=source or f"--gpu {text}")


def arch_of_name(name: str) -> str | None:
    """The architecture of a device name as a driver prints it, None when not known."""
    found = candidates(name)
    exact = {arch for product, arch in found if product.lower() == name.lower()}
    archs = exact or {arch for _, arch in found}
    return archs.pop() if len(archs) == 1 else arch_by_words(name)


def wave_size(gfx: str) -> int | None:
    """Lanes of a wavefront as HIP sees it: 64 on GCN and CDNA, 32 on RDNA."""
    row = table("gpus")["amd"].get(_base(gfx))
    return int(row[1]) if row else None


def products(gfx: str) -> tuple[str, ...]:
    """Products with this gfx, empty when it is not known."""
    row = table("gpus")["amd"].get(_base(gfx))
    return tuple(row[0]) if row else ()


def generic_of(gfx: str) -> str | None:
    """The generic target whose code it also runs (code object v6): gfx1101 -> gfx11-generic."""
    return next((name for name, gfxs in GENERIC_MEMBERS.items() if _base(gfx) in gfxs), None)


def hsa_override(gfx: str) -> Override | None:
    """The override value that is in use for a gfx, with its risk; None = none known."""
    row = table("gpus")["overrides"].get(_base(gfx))
    return Override(_base(gfx), row[0], row[1], row[2], source("gpus", row[3])) if row else None


def rocm_support(gfx: str, rocm: str) -> Tier | None:
    """AMD's own tier in the newest listed ROCm that is not after `rocm`; None = not listed."""
    rows = table("gpus")["rocm"]
    older = [v for v in rows if numbers(v) <= numbers(rocm)]
    if not older:
        return None
    tiers: dict[str, Tier] = rows[max(older, key=numbers)][0]
    return tiers.get(_base(gfx))


@cache
def _by_product(text: str) -> tuple[str, str]:
    listed = table("gpus")["ambiguous"].get(text.lower())
    found = [(n, arch_of_name(n) or "?") for n in listed] if listed else candidates(text)
    archs = {arch for _, arch in found}
    if len(archs) == 1:
        return min((n for n, _ in found), key=len), archs.pop()
    if found:
        raise AmbiguousGpu(text, sorted(found, key=lambda pair: (len(pair[0]), pair[0])))
    arch = arch_by_words(text)
    card = _CARD.search(text)
    if card and not candidates(card[0]):
        plain_card = [name for name, _ in candidates(card[1])]
        raise UnknownGpu(text, list(dict.fromkeys([*plain_card, *close_names(text)]))[:3])
    if arch is None:
        raise UnknownGpu(text, close_names(text))
    return text, arch


# Further words (SUPER, 16GB) leave the chip of a card; Ti makes it another product.
_CARD = re.compile(r"\b([RG]TX ?\d{3,4}) ?Ti\b", re.I)


def _base(gfx: str) -> str:
    return re.split(r"[:]", gfx)[0]
