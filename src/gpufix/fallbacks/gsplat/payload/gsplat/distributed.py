"""The launcher of gsplat's examples, for one process."""

from __future__ import annotations

import os
from typing import Any, Callable

from ._errors import uncovered


def cli(fn: Callable[..., Any], args: Any, verbose: bool = False) -> bool:
    """Calls ``fn(0, 0, 1, args)``: one process, on the first GPU.

    Raises NotImplementedError where a launcher has started several.
    """
    if int(os.environ.get("OMPI_COMM_WORLD_SIZE", "1")) > 1:
        raise uncovered("a training over several processes", "start one")
    fn(0, 0, 1, args)
    return True
