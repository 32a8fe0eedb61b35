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

# Source distributions whose setup.py takes a wheel from the project's own releases where it has one:
# torch minor → the newest version with such wheels, and the CUDA majors that they are for.
PREBUILT = {
    "flash-attn": {
        "rows": {
            "2.0": ["2.6.3", ["11", "12"]],
            "2.1": ["2.7.4", ["12"]],
            "2.2": ["2.7.4.post1", ["12"]],
            "2.3": ["2.7.4.post1", ["12"]],
            "2.4": ["2.8.3.post1", ["12"]],
            "2.5": ["2.8.3.post1", ["12"]],
            "2.6": ["2.8.3.post1", ["12"]],
            "2.7": ["2.8.3.post1", ["12"]],
            "2.8": ["2.8.3.post1", ["12"]],
        },
        "source": "Dao-AILab/flash-attention .github/workflows/publish.yml, at each release's tag",
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
        "prebuilt": PREBUILT,
    }
