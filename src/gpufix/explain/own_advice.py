"""An error that no row knows, and that says itself what helps: a command, a setting, a version."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation
from gpufix.explain.log_scan import LogScan
from gpufix.explain.prefilter import normalised_line

_ERROR = re.compile(
    r"(?:\b[A-Z]\w{2,60}(?:Error|Exception|Warning)|\b(?:error|fatal|ERROR|FATAL|Error|CRITICAL))\b[^\n]{0,20}:"
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-Z`'\"\[(])|(?<=[.!?])\n|\n{2,}")
_ADVICE = re.compile(
    r"(?<![\w.'\"`/-])(?<!not )(?<!annot )(?<!n't )(?<!place )(?<!Inplace )(?:please|try|run|use(?! of\b)|set|pass|install|reinstall|upgrade|downgrade|update|rebuild|increase|decrease|reduce|lower|raise"
    r"|enable|disable|remove|replace|specify|export|add|switch|consider|make sure|ensure|you (?:can|need|must|should|may)"
    r"|moved|renamed|superseded|in favou?r of|(?:is|are) required|requires?|must be|should be|needs?|only (?:supports?|available|works?)|at least"
    r"|(?:pip3?|conda|mim|apt(?:-get)?|brew) install)(?=[\s:,])|\b(?:is|are) required(?=[.;]|$)",
    re.IGNORECASE,
)
# What sends the reader elsewhere, and torch's tail of every asynchronous error.
_ELSEWHERE = re.compile(
    r"\b(?:report|file|open|raise|submit) (?:an? |this |the )?(?:issue|bug)|\bfor (?:more|further) (?:details|information)"
    r"|\bsee (?:above|below|the (?:above|full|stack)|https?:)|For debugging consider|TORCH_USE_CUDA_DSA|incorrect\.?$"
    r"|most recent call|config\.log|from the pip output|not a problem with pip|stack ?trace|full traceback|\bif you (?:think|believe)",
    re.IGNORECASE,
)
_MOVED = re.compile(
    r"(?:moved|split(?: out| off)?|extracted|migrated|transferred) (?:in)?to (?:the |a |its own )?['\"`]?(?P<name>[A-Za-z][\w-]{2,40})['\"`]? "
    r"(?:project|package|library|distribution)\b"
)
# These speak of what still works.
_LATER = re.compile(r"(?:Deprecation|Future|PendingDeprecation)Warning\b")
_LISTING = re.compile(r"(?:[→❱>] ?)?\d{1,5} ?[│|]|at \S+:\d+ in ")
_REACH = 6_000  # characters of the end
_LONGEST = 360
_BARE = 500  # characters of a text that is one message, without a word for an error


def own_advice(found: LogScan) -> Explanation | None:
    """The sentences of the last error that tell what to do; None where there are none."""
    text = (found.tail or found.head).decode("utf-8", "replace")[-_REACH:]
    at, message = _message(text)
    told = [
        one
        for one in (part.strip() for part in _SENTENCE.split(message))
        if _ADVICE.search(one) and not _ELSEWHERE.search(one)
    ]
    said = " ".join(" ".join(told).split())[:_LONGEST].strip()
    if not said:
        return None
    if moved := _MOVED.search(said):
        said = f"{said} So: `pip install -U {moved['name']}`, and what imports it from its old place in a release that knows the new one."
    return Explanation(
        id="own-advice",
        rule=None,
        role="unknown",
        what="No message that gpufix knows; it says itself what it wants.",
        do=f"As the message says: {said}",
        source="the message",
        versions=None,
        line=max(1, found.lines - text.rstrip("\n").count("\n") + at),
        order=0,
        shown=message.partition("\n")[0],
        captures={},
    )


def _message(text: str) -> tuple[int, str]:
    """The last error with the lines that belong to it, and the number of its line in the text, from 0.

    A short text without any is one itself.
    """
    lines = [normalised_line(line) for line in text.split("\n")]
    at = [number for number, line in enumerate(lines) if _ERROR.search(line)]
    if not at:
        first = next((number for number, line in enumerate(lines) if line), 0)
        return first, "\n".join(lines[first:]).strip() if len(text) <= _BARE else ""
    at = [number for number in at if not _LATER.search(lines[number])] or at
    with_advice = [n for n in at if _ADVICE.search(" ".join(lines[n : n + 3]))]
    start = (with_advice or at)[-1]
    after: list[str] = []
    for line in lines[start : start + 8]:
        if after and (
            _LISTING.match(line)
            or re.match(r'File "|Traceback|\[end of output|\s*at |note: ', line)
        ):
            break
        after.append(line)
    return start, "\n".join(after).strip()
