"""What programs import whether or not they compress."""

from __future__ import annotations

from typing import Any

from .._errors import uncovered


class PngCompression:
    """Raises NotImplementedError when it is made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise uncovered("PngCompression", "leave the compression out")
