"""Why an installer brought nothing, in one sentence: what its log says of an index, a build, versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from gpufix.files import read_end

_TAIL = 256 << 10
_NAME = r"[`'\"]?([A-Za-z0-9][\w.\[\],-]*(?:\s?[=<>!~]=?[\w.+!*,<>=~-]+)?)"
_Row = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


def _row(pattern: str, words: Callable[[re.Match[str]], str]) -> _Row:
    return re.compile(pattern, re.IGNORECASE), words


def _named(text: str) -> str:
    return text.rstrip(".,)")


# The first that is found tells; pip's words, then uv's.
_ROWS: tuple[_Row, ...] = (
    _row(
        r"(?:Failed to fetch|Request failed after|error sending request|Temporary failure in name|"
        r"Max retries exceeded|Connection (?:refused|reset)|dns error|timed out)"
        r"(?:[^\n]*\n){0,6}?[^\n]*?(?:https?://|host=['\"])([\w.-]+)",
        lambda m: f"the index at {m[1]} does not answer",
    ),
    _row(  # pip goes on after its last try, as if the index were empty
        r"(?:Looking in indexes: https?://(?:[^\s/@]*@)?([\w.-]+)[^\n,]*\n(?:[^\n]*\n)*?[^\n]*?)?"
        r"Retry\(total=0[^\n]* connection broken by",
        lambda m: f"{f'the index at {m[1]}' if m[1] else 'an index'} does not answer",
    ),
    _row(
        r"satisfies the requirement " + _NAME + r"[^\n(]*\(from versions: none\)",
        lambda m: f"no index that was asked has {_named(m[1])}",
    ),
    _row(
        r"satisfies the requirement " + _NAME + r"[^\n(]*\(from versions: ([^\n]*)\)",
        lambda m: f"no index that was asked has {_named(m[1])}; its releases there end with "
        f"{m[2].split(', ')[-1]}",
    ),
    _row(
        _NAME + r"[`'\"]? was not found in the (?:package registry|provided package locations)",
        lambda m: f"no index that was asked has {_named(m[1])}",
    ),
    _row(
        r"there (?:is|are) no versions? of " + _NAME,
        lambda m: f"no index that was asked has {_named(m[1])}",
    ),
    _row(
        _NAME + r"[`'\"]? has no (?:usable wheels|wheels with a matching)",
        lambda m: f"{_named(m[1])} has no wheel for this Python and system",
    ),
    _row(
        r"Failed to (?:build|download and build) " + _NAME,
        lambda m: f"{_named(m[1])} has no wheel here, and its source does not build",
    ),
    _row(
        r"Failed to build installable wheels[^\n]*?\(([\w.-]+)",
        lambda m: f"{m[1]} has no wheel here, and its source does not build",
    ),
    _row(
        r"subprocess-exited-with-error|metadata-generation-failed",
        lambda m: "there is no wheel here, and the source does not build",
    ),
    _row(
        r"ResolutionImpossible|conflicting dependencies|requirements are unsatisfiable",
        lambda m: "no releases fit what is installed",
    ),
    _row(r"No space left on device", lambda m: "the disk is full"),
    _row(
        r"Could not install packages due to an OSError: ([^\n]+)",
        lambda m: f"pip cannot replace what is there ({_named(m[1])})",
    ),
)


def told_by(log: Path) -> str | None:
    """The sentence; None where the log says nothing that is known."""
    try:
        lines = read_end(log, _TAIL).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    # uv breaks its sentences, and draws lines beside them.
    text = "\n".join(line.strip(" │╰─▶├┬▲") for line in lines)
    joined = re.sub(r"\n(?=[a-z0-9`(])", " ", text)
    for pattern, words in _ROWS:
        if found := pattern.search(joined):
            return words(found)
    return None
