"""Names of distributions, compared as PEP 503 compares them."""

from __future__ import annotations

import re
from functools import lru_cache

_SEPARATORS = re.compile(r"[-_.]+")


@lru_cache(maxsize=4096)
def normalise(name: str) -> str:
    """ "Foo_Bar.baz" → "foo-bar-baz"."""
    return _SEPARATORS.sub("-", name).lower()
