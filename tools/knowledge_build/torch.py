"""torch releases: what exists, which GPUs each build carries code for, what each pins."""

from __future__ import annotations

from typing import Any

from .sources import Sources, shorten

PLATFORMS = ("linux_x86_64", "linux_aarch64")
# Every aarch64 build since 2.6 has the C++11 ABI (measured on the default wheels).
_ARM_NEW_ABI = (2, 6)
# Builds that exist beside the advertised ones, or of which that is disputed.
_LIMITED = ("limited-release", "disputed", "not advertised")


def _sm(cc: str) -> str:
    return "sm_" + cc.replace(".", "")


def _variant(row: dict[str, Any], sources: Sources, abi: int | None) -> dict[str, Any]:
    ptx = row.get("ptx", [])
    out = {
        "archs": " ".join(row["gfx"] if "gfx" in row else map(_sm, row["archs"])),
        "ptx": None if ptx is None else " ".join(map(_sm, ptx)),
        "abi": row.get("cxx11_abi", abi),
        "source": sources.number(row["source"]),
        "confidence": row["confidence"],
    }
    note = row.get("note") or ""
    out |= {"note": shorten(note)} if note else {}
    return out | ({"limited": 1} if any(word in note for word in _LIMITED) else {})


def _platform(release: dict[str, Any], version: str, platform: str, sources: Sources) -> Any:
    arm = platform.endswith("aarch64")
    pair = tuple(int(part) for part in version.split(".")[:2])
    abi = 1 if arm and pair >= _ARM_NEW_ABI else None
    rows = dict(release.get(f"cuda_variants_{platform}", {}))
    rows |= release.get(f"rocm_variants_{platform}", {})
    return {name: _variant(row, sources, abi) for name, row in rows.items()}


def _release(version: str, release: dict[str, Any], sources: Sources) -> dict[str, Any]:
    default = {p: release["pypi_default"][p]["variant"] for p in PLATFORMS}
    return {
        "date": release["release_date"],
        "requires_python": release["requires_python"],
        "python": {p: " ".join(release["pypi_python_tags"].get(p, [])) for p in PLATFORMS},
        "default": {p: "cpu" if v == "cuNone" else v for p, v in default.items()},
        "std": int(release["default_cxx_std_for_extensions"].removeprefix("c++")),
        "numpy2": release["numpy2_capable"]["value"],
        "source": sources.number(release["variants_source"]),
        "variants": {p: _platform(release, version, p, sources) for p in PLATFORMS},
    }


def releases(tables: Any) -> Any:
    sources = Sources()
    rows = tables("torch_releases")["releases"]
    built = {version: _release(version, row, sources) for version, row in rows.items()}
    return {"sources": sources.texts, "releases": built}


def pins(tables: Any) -> Any:
    """What the default x86-64 wheel requires, exactly as its METADATA says."""
    out = {}
    for version, row in tables("torch_releases")["releases"].items():
        declared = row["requires_dist_pypi_linux_x86_64"]
        out[version] = {
            "variant": row["pypi_default"]["linux_x86_64"]["variant"],
            "nvidia": declared["nvidia"],
            "triton": declared["triton"],
            "nccl": declared["nccl"],
            "source": shorten(declared["source"]),
        }
    return {"releases": out}
