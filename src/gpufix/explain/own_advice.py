"""An error that no row knows, and that says itself what helps: a command, a setting, a version.

Its own sentences are the answer then. A warning alone is none: the program goes on.
"""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, without_row
from gpufix.explain.lacking import lacking
from gpufix.explain.log_scan import LogScan
from gpufix.explain.prefilter import normalised_line
from gpufix.knowledge.messages import Role

_ERROR = re.compile(
    r"(?:\b[A-Z]\w{2,60}(?:Error|Exception)|\b(?:error|fatal|ERROR|FATAL|Error|CRITICAL))\b[^\n]{0,20}:"
)
_WARNING = re.compile(r"\b[A-Z]\w{2,40}Warning:|\bDEPRECATION:|^WARNING:? ")
_LEVEL = re.compile(r"[^\n]{0,60}\b(?:WARN|WARNING|Warning|INFO|DEBUG)\b")
# At the start of its line, as a program prints it; elsewhere it may be a sentence that speaks of errors.
_PRINTED = re.compile(
    r"(?:\S{0,60}[\]):|>]\s?|E {1,8}|[│|>*\s-]{1,3}){0,4}(?:[\w.]{0,80}[A-Z]\w{2,60}(?:Error|Exception)|error|fatal|ERROR|FATAL|Error|CRITICAL)\b[^\n]{0,20}:"
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-Z`'\"\[(])|(?<=[.!?])\n|\n{2,}")
_ADVICE = re.compile(
    r"(?<![\w.'\"`/-])(?<!not )(?<!annot )(?<!n't )(?<!place )(?<!Inplace )(?<!\bto )(?<!your )(?:please|try|run|use(?! of\b)|set|pass|install|reinstall|upgrade|downgrade|update|rebuild|increase|decrease|reduce|lower|raise"
    r"|enable|disable|remove|replace|specify|export|add|switch|select|choose|consider|make sure|ensure|you (?:can|need|must|should|may)"
    r"|(?:is|are) required|requires?|must be|must have|should be|needs?|only (?:supports?|supported|available|works?)|at least|expected to be"
    r"|(?:was|were|has been|have been) (?:moved|renamed|replaced|superseded|removed in favou?r)|instead of"
    r"|(?:pip3?|conda|mim|apt(?:-get)?|brew) install)(?=[\s:,])(?<!install(?=,))|\b(?:is|are) required(?=[.;]|$)",
    re.IGNORECASE,
)
# What sends the reader elsewhere, and torch's tail of every asynchronous error.
_ELSEWHERE = re.compile(
    r"\b(?:report|file|open|raise|submit) (?:an? |this |the )?(?:issue|bug)|\bfor (?:(?:more|further) )?(?:details|information)"
    r"|\bsee (?:above|below|the (?:above|full|stack)|https?:)|For debugging consider|TORCH_USE_CUDA_DSA|incorrect\.?$"
    r"|most recent call|JAX_TRACEBACK_FILTERING|config\.log|constructor syntax|from the pip output|not a problem with pip|stack ?trace|full traceback|\bif you (?:think|believe)",
    re.IGNORECASE,
)
# Where something went to, as a package's name.
_MOVED = re.compile(
    r"(?:moved|renamed|superseded|replaced|split|extracted|migrated|transferred)\b[^.\n]{0,30}? (?:to|by|with|into) (?:the |a |its own )?[`'\"]?(?P<package>[A-Za-z][\w-]{2,40})[`'\"]? (?:package|project|library|distribution|repo)"
)
# Says that another process failed, which printed its own error.
_REPORTS = re.compile(r"\b(?:CalledProcess|ChildFailed)Error: ")
_LISTING = re.compile(r"(?:[→❱>] ?)?\d{1,5} ?[│|]|at \S+:\d+ in ")
_COMMENT = re.compile(r"[ \t]+# ")  # within a script or a workflow
_REACH = 6_000  # characters of the end
_LONGEST = 360
_BARE = 500  # characters of a text that is one message, without a word for an error

STATED = "own-advice"  # what a program says of itself: no row stands behind it


def own_advice(found: LogScan) -> Explanation | None:
    """The sentences of the last error that tell what to do; None where there are none."""
    text = found.end(_REACH)
    lines = ["" if _COMMENT.match(line) else normalised_line(line) for line in text.split("\n")]
    at, message = _error(lines) or _bare(lines, text)
    told = [
        one
        for one in (part.strip() for part in _SENTENCE.split(message))
        if _ADVICE.search(one) and not _ELSEWHERE.search(one)
    ]
    said = " ".join(" ".join(told).split())[:_LONGEST].strip()
    warning = bool(_WARNING.search(message)) and not _ERROR.search(message)
    error = message.partition("\n")[0]
    line = found.first_line(text) + at
    lacks = None if warning or _LEVEL.match(text.split("\n")[at]) else lacking(message)
    if lacks:
        own = f"As the message says: {said}" if said else "Install it as its own page says."
        known = "package-lacking" if lacks.package else STATED
        return without_row(known, "cause", lacks.what, lacks.do or own, error, line=line)
    if not said and not warning:
        return None
    role, what = _meaning(message, warning)
    do = f"As the message says: {said}{_installed(said)}" if said else "Nothing to do."
    return without_row(STATED, role, what, do, error, line=line)


def _installed(said: str) -> str:
    moved = _MOVED.search(said)
    return f" (`pip install -U {moved['package']}`)" if moved else ""


def _meaning(message: str, warning: bool) -> tuple[Role, str]:
    if warning and "deprecated" in message:
        return "notice", (
            "A name or a use of one is deprecated: it works here, and will be gone in a later release."
        )
    if warning:
        return "notice", (
            "A warning: the program goes on. When something fails after it, the cause stands there."
        )
    if _PRINTED.match(message):
        return "symptom", "The program says itself what is wrong, and what it wants."
    return "unknown", "No message that gpufix knows; it says itself what it wants."


def _error(lines: list[str]) -> tuple[int, str] | None:
    """The last error with the lines that belong to it, and the number of its line, from 0."""
    at = [number for number, line in enumerate(lines) if _ERROR.search(line)]
    at = [number for number in at if not _REPORTS.search(lines[number])] or at
    if not at:
        return None
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


def _bare(lines: list[str], text: str) -> tuple[int, str]:
    """A text without an error: its last warning; a short one is itself a message."""
    warnings = [number for number, line in enumerate(lines) if _WARNING.search(line)]
    if warnings:
        return warnings[-1], lines[warnings[-1]]
    first = next((number for number, line in enumerate(lines) if line), 0)
    return first, "\n".join(lines[first:]).strip() if len(text) <= _BARE else ""
