"""Lines that say of themselves that nothing failed: a log's lower levels, deprecations, and what a
program accepts and goes on with."""

from __future__ import annotations

import re

from gpufix.explain.told import Told

_LOW = re.compile(
    r"(?:^|[\s\[|:(])(?:INFO|DEBUG|TRACE)(?=[\s\]:|)])"
    r"|(?:^|\s)[ID] [\w./\-]{1,200}\.(?:cc|cpp|cu|h):\d+\]"  # TensorFlow's
    r"|(?:^|\s)[ID]\d{4} \d\d:\d\d:\d\d"  # glog's
)
_FAILED = re.compile(
    r"error|exception|fatal|fail|cannot|can't|could ?n[o']t|unable|out of memory|\bnot \w|\bno \w|undefined"
    r"|missing|mismatch|traceback|killed|insufficient|too (?:old|new|low)|invalid|unsupported|incompatible"
    r"|denied|refused|illegal|unexpected|requires?\b|conflict|unavailable|does(?:n't| not)|lacks?\b",
    re.IGNORECASE,
)
_DEPRECATED = re.compile(r"\w{0,40}(?:Deprecation|Future|Resource|Syntax)Warning\b|^DEPRECATION:")
_ACCEPTED = re.compile(
    r"(?:accept|allow)ing this combination|just a warning|(?:can|may) be (?:safely )?ignored"
    r"|(?:can|may) (?:safely )?ignore|safe(?:ly)? (?:to )?ignore|does not indicate an error",
    re.IGNORECASE,
)
_IF = re.compile(r"\bif you (?:don't|do not|are not)\b|\botherwise\b", re.IGNORECASE)
_SPAN = 200  # characters of a line in which its level stands


def weighed(told: Told, raw: str) -> Told:
    """The same, or a notice without a rule. `raw`: the line with its prefixes."""
    if told.role in ("notice", "wrapper") or not _is_remark(told.shown, raw):
        return told
    if told.rule == "TCH203":  # a minor mismatch is a remark by nature
        return told.but(role="notice")
    return told.but(
        role="notice",
        rule=None,
        open=(),
        what="A remark: the program that prints it goes on.",
        do="Nothing to do. When something fails after it, the cause stands there.",
    )


def _is_remark(shown: str, raw: str) -> bool:
    if _DEPRECATED.search(shown) or (_ACCEPTED.search(shown) and not _IF.search(shown)):
        return True
    return bool(_LOW.search(raw[:_SPAN])) and not _FAILED.search(shown)
