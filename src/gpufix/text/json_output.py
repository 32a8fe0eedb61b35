"""JSON as gpufix prints it."""

from __future__ import annotations

import json


def dumps(value: object, indent: int | None = 2) -> str:
    """Printable ASCII and line ends alone: no control or bidi character reaches a terminal."""
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")
