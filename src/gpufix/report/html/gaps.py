"""What could not be looked at, and why."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.model import Gap
from gpufix.report.html.markup import Markup, tag


def gaps(found: Sequence[Gap]) -> Markup | None:
    """None when everything was seen."""
    if not found:
        return None
    items = [tag("li", tag("strong", f"{g.section} "), f"{g.subject}: {g.reason}") for g in found]
    return tag("ul", items, class_="consequences")
