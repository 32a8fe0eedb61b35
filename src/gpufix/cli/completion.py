"""What the shell offers for values that gpufix knows: rule codes and GPUs."""

from __future__ import annotations

import re

_VENDOR = re.compile(r"^(?:(?:NVIDIA|AMD|GeForce|Radeon|Instinct) )+")


def codes(incomplete: str) -> list[tuple[str, str]]:
    """Rules and families that begin so."""
    from gpufix.plugins import all_rules

    rules = all_rules()[0]
    offered = {rule.code[:3]: "the whole family" for rule in rules}
    offered |= {rule.code: rule.name for rule in rules}
    return _beginning(offered, incomplete)


def fallbacks(incomplete: str) -> list[tuple[str, str]]:
    """What `--fallback` takes."""
    from gpufix.fallbacks.catalogue import every

    offered = {fallback.name: fallback.summary for fallback in every()}
    return _beginning({**offered, "list": "what there is"}, incomplete)


def gpus(incomplete: str) -> list[tuple[str, str]]:
    """Architectures and products. With hyphens for spaces, so that they need no quotes."""
    from gpufix.knowledge.gpus import resolve
    from gpufix.knowledge.table import table

    table_ = table("gpus")
    named = {name: row[0] for name, row in table_["nvidia"]["names"].items()}
    named |= {name: arch for arch, row in table_["amd"].items() for name in row[0]}
    numbers = [n for n in table("cuda_toolkits")["sm"] if n.isdigit()]  # no variants: sm_90a
    # sm_101 is what an earlier toolkit called sm_110.
    archs = dict.fromkeys(resolve(f"sm_{number}").arch for number in numbers)
    offered = dict.fromkeys(archs, "NVIDIA")
    offered |= dict.fromkeys(table_["amd"], "AMD")
    offered |= {_VENDOR.sub("", name): arch for name, arch in named.items()}
    if " " not in incomplete:
        offered = {re.sub(r"[^\w.+]+", "-", n).strip("-"): about for n, about in offered.items()}
    return _beginning(offered, incomplete)


def _beginning(offered: dict[str, str], typed: str) -> list[tuple[str, str]]:
    """In whatever case it was typed, which is left as it is: shells compare letter by letter."""
    return [
        (typed + value[len(typed) :], about)
        for value, about in offered.items()
        if value.lower().startswith(typed.lower())
    ]
