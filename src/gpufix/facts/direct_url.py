"""direct_url.json (PEP 610): where a distribution came from when it came from no index."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import unquote

from gpufix.facts.files import read, text

_LIMIT = 1 << 16  # bytes
_USERINFO = re.compile(r"(?<=://)[^/@\s]*@")


@dataclass(frozen=True)
class Origin:
    """An address without credentials; the project folder when the install is editable."""

    url: str | None = None
    editable: str | None = None


def read_origin(dir_fd: int) -> Origin:
    """The origin that a `.dist-info` folder names. Raises OSError, ValueError."""
    try:
        data = json.loads(read("direct_url.json", _LIMIT, dir_fd).decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(data, dict) or not isinstance(url := data.get("url"), str):
        raise ValueError("no url")
    info = data.get("dir_info")
    editable = isinstance(info, dict) and info.get("editable") is True
    folder = unquote(url[len("file://") :]) if editable and url.startswith("file://") else None
    return Origin(text(without_credentials(url)), text(folder) if folder else None)


def without_credentials(url: str) -> str:
    """The address without user, password and query (signed addresses carry tokens there)."""
    return without_userinfo(url).partition("?")[0]


def without_userinfo(value: str) -> str:
    """Any text, with user and password taken out of the addresses in it."""
    return _USERINFO.sub("", value)
