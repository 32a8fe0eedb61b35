"""Colours of reports: each is legible on a light and on a dark background."""

from __future__ import annotations

from gpufix.model import Severity

# Of the fixed 240, since what a terminal calls green or yellow may be any colour. Each differs from white,
# from black and from a dark grey by a contrast of 3 or more (tests/report/test_widths.py).
WARN, GOOD, BAD, UNKNOWN, NOTE = (f"color({number})" for number in (166, 28, 160, 133, 31))
SAFETY = {"safe": GOOD, "unsafe": WARN, "manual": NOTE}
SEVERITY = {
    Severity.error: f"bold {BAD}",
    Severity.warning: f"bold {WARN}",
    Severity.advice: f"bold {NOTE}",
}
