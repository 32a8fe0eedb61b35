"""What ld.so would do: predicted from files, nothing is loaded or run."""

from __future__ import annotations

from gpufix.binary.loader.disk import Files
from gpufix.binary.loader.model import (
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
from gpufix.binary.loader.scan import predict, scan

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
