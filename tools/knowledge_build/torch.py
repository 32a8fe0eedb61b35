"""torch releases: what exists, which GPUs each build carries code for, what each pins."""

from __future__ import annotations

from typing import Any, get_args

from .read import Knowledge
from .rows import Platform, TorchRelease, Variant
from .sources import Sources


def _variant(row: Variant, sources: Sources) -> dict[str, Any]:
    out = {
        "archs": row.archs,
        "ptx": row.ptx,
        "abi": row.abi,
        "source": sources.number(row.source),
        "confidence": row.confidence,
    }
    return out | ({"note": row.note} if row.note else {}) | ({"limited": 1} if row.limited else {})


def _release(row: TorchRelease, sources: Sources) -> dict[str, Any]:
    return {
        "date": row.date,
        "requires_python": row.requires_python,
        "python": dict(row.python),
        "default": dict(row.default),
        "std": row.cxx_std,
        "numpy2": row.numpy2,
        "source": sources.number(row.variants_source),
        "variants": {
            platform: {
                name: _variant(build, sources)
                for name, build in row.variants.get(platform, {}).items()
            }
            for platform in get_args(Platform)
        },
    }


def releases(known: Knowledge) -> Any:
    sources = Sources()
    built = {version: _release(row, sources) for version, row in known.torch.items()}
    return {"sources": sources.texts, "releases": built}


def pins(known: Knowledge) -> Any:
    """What the default x86-64 wheel requires, exactly as its METADATA says."""
    return {"releases": {version: _pins(row) for version, row in known.torch.items()}}


def _pins(row: TorchRelease) -> dict[str, Any]:
    nvidia = {name: spec for name, spec in row.pins.items() if name != "triton"}
    nccl = [spec for name, spec in nvidia.items() if name.startswith("nvidia-nccl")]
    return {
        "variant": row.default["linux_x86_64"],
        "nvidia": nvidia,
        "triton": row.pins.get("triton"),
        "nccl": nccl[0] if nccl else None,
        "source": f"METADATA of {row.wheel}",
    }
