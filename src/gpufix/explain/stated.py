"""What a text tells of the environment that it comes from: torch, Python, the system, the GPU."""

from __future__ import annotations

import re

from gpufix.explain.explanation import context
from gpufix.explain.log_scan import Hit
from gpufix.frozen import Frozen
from gpufix.knowledge import cuda, listings, nearest, torch_releases
from gpufix.knowledge.data_table import numbers
from gpufix.knowledge.gpus.mentions import mentioned
from gpufix.knowledge.packages import for_torch
from gpufix.knowledge.wheel_blocks import Build

_TORCH = re.compile(
    r"(?<![\w.-])(?:py)?torch(?:\s?version)?(?:[:=\s-]|is){0,6}v?(?P<release>[12]\.\d{1,2}\.\d)(?:\+(?P<variant>cu\d{2,3}|cpu|rocm[\d.]+))?(?![\d.])"
    r"|(?<![\d.\w])(?P<local>[12]\.\d{1,2}\.\d)\+(?P<of>cu\d{2,3})(?!\d)",
    re.IGNORECASE,
)
_PYTHON = re.compile(
    r"(?:python(?: version)?|cpython-|\bcp|py)-?[ =:/]{0,3}v?3\.?(?P<minor>\d{1,2})\b",
    re.IGNORECASE,
)
_WINDOWS = re.compile(r"\b[A-Z]:[\\/]|win_amd64|win-amd64|\.pyd\b|\bWindows\b|\\Scripts\\|\.exe\b")


class Stated(Frozen):
    """None: the text does not say, or says two things."""

    torch: str | None
    variant: str | None
    python: str | None
    windows: bool

    @property
    def build(self) -> Build | None:
        """The torch for which wheels are wanted, where all of it is told."""
        if self.torch is None or self.variant is None or self.python is None:
            return None
        return Build(
            self.torch, self.variant, self.python, "win_amd64" if self.windows else "linux_x86_64"
        )


def stated(hit: Hit) -> Stated:
    """What stands around a message."""
    text = context(hit)
    releases, variants = _torches(text)
    pythons = {found["minor"] for found in _PYTHON.finditer(text) if 6 <= int(found["minor"]) <= 15}
    return Stated(
        torch=_one(releases),
        variant=_one(variants),
        python=f"cp3{python}" if (python := _one(pythons)) else None,
        windows=bool(_WINDOWS.search(text)),
    )


_BUILT_WITH = re.compile(
    r"CUDA used to build PyTorch: (?P<cuda>1\d\.\d)|torch\.version\.cuda\W{1,6}(?P<asked>1\d\.\d)"
)
_USUAL = (12, 6)  # the CUDA of the index that rows name where a text tells none


def placeholders(hit: Hit) -> dict[str, str]:
    """What rows fill in: `cuda` "12.8", `dashed` "12-8" and `index` "cu128" of the torch of the text."""
    told, text = stated(hit), context(hit)
    variant = told.variant if (told.variant or "").startswith("cu") else None
    if variant is None and (built := _BUILT_WITH.search(text)):
        variant = f"cu{(built['cuda'] or built['asked']).replace('.', '')}"
    if variant is None:
        return index_for(mentioned(text))
    version = f"{variant[2:-1]}.{variant[-1]}"
    return {"cuda": version, "dashed": version.replace(".", "-"), "index": variant}


def for_pyg(text: str, hit: Hit) -> str:
    """The address of PyG's page for the torch of the text, where it is told: "torch-2.6.0+cu124"."""
    told = stated(hit)
    release = told.torch.rpartition(".")[0] if told.torch else "X.Y"
    return text.replace("torch-X.Y.0+cuNNN", f"torch-{release}.0+{told.variant or 'cuNNN'}")


def index_for(archs: set[str]) -> dict[str, str]:
    """The index of the first CUDA that has code for GPUs which the usual one does not know."""
    # Code for the first chip of a generation runs on all of it: sm_120's on sm_121.
    known = [cuda.first_and_last(f"{arch[:-1]}0") for arch in archs]
    first = max((numbers(one[0]) for one in known if one), default=())
    return {"index": f"cu{first[0]}{first[1]}"} if first > _USUAL else {}


def family(hit: Hit) -> str | None:
    """torch's own family as one command, at the releases that belong to the torch of the text; None: not told."""
    told = stated(hit)
    known = for_torch(told.torch) if told.torch else {}
    fit = [
        f"{name}=={known[name].exact[-1]}"
        for name in ("torchvision", "torchaudio")
        if name in known and known[name].exact
    ]
    if not fit:
        return None
    index = placeholders(hit).get("index", "cu126")
    return f"`pip install torch=={told.torch} {' '.join(fit)} --index-url https://download.pytorch.org/whl/{index}`"


def _torches(text: str) -> tuple[set[str], set[str]]:
    releases, variants = set(), set()
    for found in _TORCH.finditer(text):
        release = found["release"] or found["local"]
        if torch_releases.get(release):
            releases.add(release)
            variants |= {found["variant"] or found["of"]} - {None}
    return releases, variants


def _one(found: set[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None


def capability(text: str) -> tuple[int, int] | None:
    """The GPU's, from its name; None where there are none, or several."""
    arch = _one(mentioned(text))
    if arch is None:
        return None
    number = arch.removeprefix("sm_")
    return int(number[:-1]), int(number[-1])


def wheel(hit: Hit, package: str) -> str:
    """The published wheel of a package for the torch of the text, or why there is none; "" where it cannot be told."""
    told = stated(hit)
    if listings.key(package) is None or told.torch is None:
        return ""
    if told.build is None:
        return ""
    offer = next(listings.offers(package, told.build), None)
    if offer is None:
        return f" ({nearest.reason(package, told.build)}.)"
    where = f" -f {offer.page}" if offer.page else ""
    return f' For torch {told.torch}+{told.variant} and {told.python}: `pip install "{offer.requirement}"{where}`.'
