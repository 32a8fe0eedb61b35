"""Chains of exceptions: an import that is tried first, and may fail, is no cause of what follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import Hit

_HANDLED = re.compile(
    r"[^\n]{0,300}\n\s*During handling of the above exception, another exception occurred"
)
# That a part is absent. A part that is there and cannot be loaded is a fault in any place.
_TRIED = re.compile(
    r"(?:^|\W)(?:ImportError: cannot import name|ModuleNotFoundError: No module named)\b"
)


def was_handled(hit: Hit) -> bool:
    """Whether the message ends an absence that was being handled when another exception came."""
    return bool(_TRIED.search(hit.shown) and _HANDLED.match(hit.after))


def without_first_tries(found: Iterable[Explanation]) -> Iterator[Explanation]:
    """A first try is a notice where a later message says something else.

    One that names the same module repeats it: a library that reports what it could not import.
    """
    every = list(found)
    for explanation in every:
        if explanation.handled and any(_is_else(e, explanation) for e in every):
            yield explanation.but(
                "The program went on without it: what failed after it is the cause.",
                role="notice",
                rule=None,
            )
        else:
            yield explanation


def _is_else(later: Explanation, first: Explanation) -> bool:
    if later.line <= first.line or later.role in ("notice", "wrapper"):
        return False
    named = first.captures.get("name") or first.captures.get("module")
    return not named or re.search(rf"['\"`]{re.escape(named)}['\"`]", later.shown) is None
