"""What ld.so would do: predicted from files, nothing is loaded or run."""

from __future__ import annotations

from .files import Files
from .model import (
    Missing,
    Opened,
    Place,
    Process,
    Undefined,
    Unusable,
    Used,
    Verdict,
    VersionMissing,
)
from .scan import predict, scan

__all__ = [
    "Files",
    "Missing",
    "Opened",
    "Place",
    "Process",
    "Undefined",
    "Unusable",
    "Used",
    "Verdict",
    "VersionMissing",
    "predict",
    "scan",
]
