"""A file that holds gpufix's variables beside other lines: written twice, it is the same."""

from __future__ import annotations

import re
from pathlib import Path

BEGIN, END = "# >>> gpufix >>>", "# <<< gpufix <<<"
# From the last beginning before an end: what follows a beginning without an end is the user's.
_BLOCK = re.compile(
    rf"^{re.escape(BEGIN)}\n(?:(?!^{re.escape(BEGIN)}\n).)*?^{re.escape(END)}(?:\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
_LIMIT = 4 << 20


class NotText(ValueError):
    """The file is no text that a block could be put into."""


def put(path: Path, text: str, *, comments: bool) -> None:
    """Put the text into the file in place of what an earlier call put there; the rest stays.

    `comments`: the format has comments, by which the block is found again. Without, the text is
    appended unless it stands there already. Raises OSError, NotText.
    """
    before = _read(path)
    after = _with_block(before, text) if comments else _appended(before, text)
    if after != before or not path.exists():
        path.write_bytes(after.encode())


def _read(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        content = file.read(_LIMIT + 1)
    if len(content) > _LIMIT or b"\0" in content:
        raise NotText("it is no text file that variables are kept in")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NotText(f"it is not UTF-8 (byte {error.start})") from None


def _with_block(before: str, text: str) -> str:
    block = f"{BEGIN}\n{text}{END}\n" if text else ""
    if _BLOCK.search(before):
        return _BLOCK.sub(lambda _: block, before, count=1)
    return _ended(before) + block


def _appended(before: str, text: str) -> str:
    return before if text in before else _ended(before) + text


def _ended(before: str) -> str:
    return before if not before or before.endswith("\n") else before + "\n"
