"""Package index addresses of torch's builds."""

from __future__ import annotations

import re

# https://pytorch.org/get-started/locally/ : one index per variant, named like the local version.
TORCH_INDEX = "https://download.pytorch.org/whl/{name}"


def index_url(name: str) -> str:
    """The index of a torch variant ("cu128", "rocm6.4", "cpu", "nightly/cu130").

    Raises ValueError for a name that no index can have, so that nothing odd reaches a command.
    """
    if not re.fullmatch(r"(nightly/)?(cpu|xpu|cu\d{2,3}|rocm\d+(\.\d+){1,2})", name):
        raise ValueError(f"{name!r} is not the name of a torch index")
    return TORCH_INDEX.format(name=name)
