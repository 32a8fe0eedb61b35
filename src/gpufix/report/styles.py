"""Colours of reports: each is legible on a light and on a dark background."""

from __future__ import annotations

from gpufix.model import Severity

WARN = "color(166)"  # a dark orange; yellow cannot be read on white
GOOD, BAD, UNKNOWN, NOTE = "green", "red", "magenta", "blue"
SAFETY = {"safe": GOOD, "unsafe": WARN, "manual": NOTE}
SEVERITY = {
    Severity.error: f"bold {BAD}",
    Severity.warning: f"bold {WARN}",
    Severity.advice: f"bold {NOTE}",
}
