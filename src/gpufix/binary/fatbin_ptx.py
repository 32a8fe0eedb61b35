"""PTX as text: what its `.version` and `.target` directives say."""

from __future__ import annotations

import re

from .code_model import CodeError, Image
from .code_source import Bytes

# nvcc's leading comment is 300 bytes; the directives must be the first statements of the file.
HEAD = 64 * 1024
_DIRECTIVES = re.compile(
    rb"\s*\.version\s+(\d{1,3}\.\d{1,3})\s+\.target\s+(sm_\d{1,4}[af]?)(?![\w])([^\n]{0,200})"
)
# An unclosed comment runs to the end: so one pass is enough, whatever the text.
_COMMENTS = re.compile(rb"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)


def read_ptx(data: Bytes, section: str) -> Image:
    """The image that a .ptx file is. Raises CodeError when it does not start as PTX must."""
    found = _DIRECTIVES.match(_COMMENTS.sub(b"", data[:HEAD]))
    if not found:
        raise CodeError("no .version and .target at the start: not PTX")
    version, target, options = (part.decode("ascii", "replace") for part in found.groups())
    return Image("ptx", target, section, ptx_version=version, debug="debug" in options)


def looks_like_ptx(data: Bytes) -> bool:
    return b".version" in data[:HEAD] and b".target" in data[:HEAD]
