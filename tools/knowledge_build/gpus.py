"""GPU names and architectures of both vendors."""

from __future__ import annotations

import re
from typing import Any

from .sources import Sources

# Products whose architecture the researched patterns give, but whose names its list lacks.
EXTRA_NAMES = {"NVIDIA RTX A1000": "sm_86", "NVIDIA A800": "sm_80", "NVIDIA H800": "sm_90"}
# A short form that people type for two different chips.
AMBIGUOUS = {"a1000": ["NVIDIA RTX A1000", "NVIDIA A100"]}
# Patterns of the table that would also take longer numbers: "A1000" is not an A100.
SHARPER = {
    r"GH200|\bH100|\bH200|\bH800|\bH20\b": r"\bGH200\b|\bH100\b|\bH200\b|\bH800\b|\bH20\b",
    r"\bA100|\bA30\b|\bA800": r"\bA100X?\b|\bA30\b|\bA800\b",
    r"P100|GP100": r"\bP100\b|\bGP100\b",
    r"V100|TITAN V\b|GV100": r"\bV100S?\b|TITAN V\b|\bGV100\b",
    r"M60\b|M40\b|GTX TITAN X|GTX 9[5-8]0(?!M)( Ti)?": r"\bM60\b|\bM40\b|GTX TITAN X|GTX 9[5-8]0\b",
    "K80": r"\bK80\b",
    "GTX 750": r"GTX 750\b",
}


def _sm(cc: str) -> str:
    return "sm_" + cc.replace(".", "")


def _nvidia(table: dict[str, Any], sources: Sources) -> dict[str, Any]:
    names = {
        name: [row["sm"], sources.number(row["source"])] for name, row in table["by_name"].items()
    }
    pattern_source = sources.number("name patterns, checked against every listed name")
    names |= {name: [sm, pattern_source] for name, sm in EXTRA_NAMES.items()}
    patterns = [[SHARPER.get(p["regex"], p["regex"]), _sm(p["cc"])] for p in table["patterns"]]
    return {
        "names": names,
        "patterns": patterns,
        "pattern_source": pattern_source,
        "soc": [_sm(cc) for cc, row in table["by_cc"].items() if row["igpu_soc"]],
    }


def _products(text: str) -> list[str]:
    """ "Radeon 8060S/8050S (Strix Halo, Ryzen AI Max)" -> each name that people use."""
    head, _, inner = text.partition("(")
    parts = [p.strip() for p in head.split("/")]
    prefix = parts[0].rsplit(" ", 1)[0]
    names = [parts[0]] + [p if " " in p or p[0] == "M" else f"{prefix} {p}" for p in parts[1:]]
    aliases = [a.strip().removesuffix(" APU") for a in re.split("[,/]", inner.rstrip(")"))]
    plain = [n.removesuffix(" APU").removesuffix(" iGPU") for n in names]
    return [n for n in plain + aliases if n]


def _risk(text: str) -> str:
    return "low" if text.startswith("low") else "unverified"


def _overrides(table: dict[str, Any], sources: Sources) -> dict[str, Any]:
    out = {}
    for value, row in table.items():
        for gfx in row.get("for", []) if not value.startswith("_") else []:
            risk = _risk(row["risk"])
            if value == "11.0.0":  # the row tells its members apart
                risk = "high" if gfx == "gfx1103" else "low"
            if re.fullmatch(r"gfx[0-9a-f]+", gfx) and "native value" not in row["risk"]:
                out[gfx] = [value, risk, row["risk"], sources.number(row["source"])]
    return out


def _support(table: dict[str, Any], sources: Sources) -> dict[str, Any]:
    """ROCm version -> gfx -> tier of its best-supported product."""
    rank = ("unsupported", "deprecated", "supported")
    out = {}
    for version, row in table.items():
        tiers = {gfx: max(t.values(), key=rank.index) for gfx, t in row.get("by_gfx", {}).items()}
        tiers |= dict.fromkeys(row.get("supported_gfx", []), "supported")
        if tiers:
            out[version.removesuffix(".x")] = [tiers, sources.number(row["source"])]
    return out


def build(tables: Any) -> Any:
    table = tables("gpus")
    amd = table["amd"]
    sources = Sources()
    gfx = {}
    for name, row in amd["by_gfx"].items():
        products = [p for text in row["products"] for p in _products(text)]
        wave = row["wavefront"]["warpSize"]
        gfx[name] = [products, wave, row["family"], sources.number(row["source"])]
    return {
        "nvidia": _nvidia(table["nvidia"], sources),
        "amd": gfx,
        "overrides": _overrides(amd["hsa_override_gfx_version"], sources),
        "rocm": _support(amd["rocm_linux_support"], sources),
        "ambiguous": AMBIGUOUS,
        "sources": sources.texts,
    }
