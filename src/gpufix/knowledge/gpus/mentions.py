"""NVIDIA's GPUs as people mention them in a text: "RTX 5090", "5070ti", "RTX 50 series", "Blackwell"."""

from __future__ import annotations

import re
from functools import cache

from gpufix.knowledge.data_table import table

# The number on a card, with a word before or behind it that tells it from other numbers.
_CARD = re.compile(
    r"(?:\b(?:RTX|GTX|GeForce|NVIDIA|GPU|card)[ -]{0,2})(?P<named>(?:[2345]0|1[06])[3-9]0)(?!\d)"
    r"|(?<![\d.#/\w-])(?<!\d:)(?P<bare>(?:[2345]0|1[06])[3-9]0)[ -]?(?:ti|super|d|m|max-q|laptop|mobile)\b"
    r"|(?:\b(?:RTX|GTX|GeForce)[ -]?)?(?P<series>[2345]0|1[06])(?:xx\b|[ -]series|系)",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"RTX (?:PRO |A)?\d{3,4}(?: Ti| SUPER| Ada)?|GTX \d{3,4}(?: Ti)?|\b[A-Z]{1,2}\d{2,3}\b"
)
_OMITTED = re.compile(r"^NVIDIA |GeForce |\(.*?\)|Laptop GPU|Server Edition|Workstation Edition")


def mentioned(text: str) -> set[str]:
    """The architectures of the GPUs that a text names; by product, else by series, else by generation."""
    return _by_product(text) or _by_series(text) or _by_generation(text)


def _by_product(text: str) -> set[str]:
    pattern, archs = _products()
    return {archs[name] for name in pattern.findall(text)}


def _by_series(text: str) -> set[str]:
    series = table("gpus")["nvidia"]["series"]
    numbers = (one["named"] or one["bare"] or one["series"] for one in _CARD.finditer(text))
    return {series[number[:2]] for number in numbers}


def _by_generation(text: str) -> set[str]:
    lowered = text.lower()
    generations: dict[str, str] = table("gpus")["nvidia"]["generations"]
    return {arch for name, arch in generations.items() if re.search(rf"\b{name}\b", lowered)}


@cache
def _products() -> tuple[re.Pattern[str], dict[str, str]]:
    """The short form of each product's name, where it is one chip's alone, and its architecture."""
    short: dict[str, set[str]] = {}
    for name, (arch, _) in table("gpus")["nvidia"]["names"].items():
        found = _SHORT.search(_OMITTED.sub("", name))
        if found and len(found[0]) > 2:
            short.setdefault(found[0], set()).add(arch)
    one = {name: archs.pop() for name, archs in short.items() if len(archs) == 1}
    longest_first = sorted(map(re.escape, one), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(longest_first)})(?![\dA-Za-z])"), one
