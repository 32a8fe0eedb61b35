"""A closer look at a lack of memory: whose allocation it was, when gpufix has a replacement for it."""

from __future__ import annotations

from gpufix.explain.scan import Hit
from gpufix.explain.told import Told, context
from gpufix.fallbacks.catalogue import every


def memory(told: Told, hit: Hit) -> Told:
    """Captures `extension`: the nearest name before the message, of those that have a fallback."""
    words = context(hit, 4096, 1024)
    named = {f.name: at for f in every() if (at := f.last_in(words)) >= 0}
    if not named:
        return told
    nearest = max(named, key=lambda name: named[name])
    return told.but(captures={**told.captures, "extension": nearest})
