"""The files of a fallback, as they lie in site-packages."""

from __future__ import annotations

from gpufix.fallbacks.catalogue import ROOT, Fallback, get

TIERS = "_gpufix_tiers.py"
_SKIPPED = ("__pycache__",)


def tree(name: str) -> dict[str, bytes]:
    """Path below site-packages → content. Raises UnknownFallback, OSError."""
    return files(get(name))


def files(fallback: Fallback) -> dict[str, bytes]:
    """The payload, and the shared module in its first package when the payload imports it."""
    payload = fallback.folder / "payload"
    found = {
        path.relative_to(payload).as_posix(): path.read_bytes()
        for path in sorted(payload.rglob("*"))
        if path.is_file() and not any(part in _SKIPPED for part in path.parts)
    }
    module = TIERS.removesuffix(".py").encode()
    if any(module in content for content in found.values()):
        found[f"{fallback.imports[0]}/{TIERS}"] = (ROOT / "common" / "tiers.py").read_bytes()
    return found
