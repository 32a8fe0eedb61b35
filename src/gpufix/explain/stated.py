"""What a text tells of the environment that it comes from: torch, Python, the system, the GPU."""

from __future__ import annotations

import re
from functools import cache

from gpufix.explain.explanation import context
from gpufix.explain.log_scan import Hit
from gpufix.frozen import Frozen
from gpufix.knowledge import listings, nearest, torch_releases
from gpufix.knowledge.data_table import table
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
_CAPABILITY = re.compile(
    r"(?:capability|\bCC)[ :=(]{0,3}(?:sm_)?(?P<major>\d{1,2})\.?(?P<minor>\d)\b|\bsm_(?P<sm>\d{2,3})\b",
    re.IGNORECASE,
)


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
    """The GPU's, from its number or its name; None where there are none, or several."""
    named = {arch for pattern, arch in _names() if pattern.search(text)} or _of_series(text)
    if len(named) == 1:
        number = next(iter(named)).removeprefix("sm_")
        return int(number[:-1]), int(number[-1])
    return None


# By the number on a card, as people write it: "5090D", "1070m", "RTX 50 series"; and the names of generations.
_CARD = re.compile(
    r"(?:\b(?:RTX|GTX|GeForce|NVIDIA|GPU|card)[ -]{0,2})(?P<named>(?:[2345]0|1[06])[3-9]0)(?!\d)"
    r"|(?<![\d.:#/\w-])(?P<bare>(?:[2345]0|1[06])[3-9]0)[ -]?(?:ti|super|d|m|max-q|laptop|mobile)\b"
    r"|(?:\b(?:RTX|GTX|GeForce)[ -]?)?(?P<series>[2345]0|1[06])(?:xx\b|[ -]series)",
    re.IGNORECASE,
)
_SERIES = {
    "10": "sm_61",
    "16": "sm_75",
    "20": "sm_75",
    "30": "sm_86",
    "40": "sm_89",
    "50": "sm_120",
}
_GENERATIONS = {
    "pascal": "sm_61", "volta": "sm_70", "turing": "sm_75", "hopper": "sm_90", "dgx spark": "sm_121", "gb10": "sm_121",
    "gb200": "sm_100", "b200": "sm_100", "gb300": "sm_103", "b300": "sm_103", "h20": "sm_90", "h800": "sm_90", "p40": "sm_61",
    "p4": "sm_61", "v100s": "sm_70", "l40s": "sm_89", "blackwell": "sm_120",
}  # fmt: skip


def _of_series(text: str) -> set[str]:
    found = {
        _SERIES[(one["named"] or one["bare"] or one["series"])[:2]] for one in _CARD.finditer(text)
    }
    if not found:
        words = set(re.findall(r"[a-z]+\d*\w*|dgx spark", text.lower()))
        found = {arch for name, arch in _GENERATIONS.items() if name in words}
    return found


@cache
def _names() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The GPUs as people name them: "RTX 5090", "H100"; by the table of all of NVIDIA's."""
    short: dict[str, set[str]] = {}
    for name, row in table("gpus")["nvidia"]["names"].items():
        plain = re.sub(
            r"^NVIDIA |GeForce |\(.*?\)|Laptop GPU|Server Edition|Workstation Edition", "", name
        )
        found = re.search(
            r"RTX (?:PRO |A)?\d{3,4}(?: Ti| SUPER| Ada)?|GTX \d{3,4}(?: Ti)?|\b[A-Z]{1,2}\d{2,3}\b",
            plain,
        )
        if found and len(found[0]) > 2:
            short.setdefault(found[0], set()).add(row[0])
    return tuple(
        (re.compile(rf"\b{re.escape(name)}(?![\dA-Za-z])"), next(iter(archs)))
        for name, archs in short.items()
        if len(archs) == 1
    )


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
