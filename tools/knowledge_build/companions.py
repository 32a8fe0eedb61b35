"""Packages that are built for one torch: which of their versions goes with which release."""

from __future__ import annotations

from typing import Any

PINNED = ("torchvision", "torchaudio", "torchtext", "xformers")

# Wheels outside the default index, named by torch release and variant. Only rows that were read.
FIND_LINKS = {
    "kaolin": {
        "url": "https://nvidia-kaolin.s3.us-east-2.amazonaws.com/torch-{release}_{variant}.html",
        "rows": {"2.7.0": {"0.18.0": ["cu118", "cu126", "cu128"]}},
        "source": "NVIDIAGameWorks/kaolin docs/notes/installation.rst @v0.18.0",
    },
    "torch-scatter": {
        "url": "https://data.pyg.org/whl/torch-{release}+{variant}.html",
        "rows": {"2.8.0": {"*": ["cpu", "cu126", "cu128", "cu129"]}},
        "source": "rusty1s/pytorch_scatter README.md, pull request 496",
    },
}


def _release(row: dict[str, Any]) -> dict[str, Any]:
    found = row["companions"]
    out: dict[str, Any] = {name: {"exact": found[name]} for name in PINNED if found[name]}
    for name, bounds in found["by_lower_bound"].items():
        wide = [[b["version"], b["requires"] or ""] for b in bounds]
        out.setdefault(name, {})["since"] = wide
    return out


def build(tables: Any) -> Any:
    rows = tables("torch_releases")["releases"]
    return {
        "source": "Requires-Dist of each companion's own METADATA",
        "releases": {version: _release(row) for version, row in rows.items()},
        "find_links": FIND_LINKS,
    }
