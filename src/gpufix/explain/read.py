"""Reads a log and resolves its messages into explanations, the decisive one first."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from gpufix.explain.chains import was_handled, without_first_tries
from gpufix.explain.cmake_stops import cmake_stops
from gpufix.explain.details import REFINERS, memory
from gpufix.explain.explanation import Explanation, context, filled
from gpufix.explain.log_scan import Hit, LogScan, scan
from gpufix.explain.missing_file import missing_file
from gpufix.explain.own_advice import own_advice
from gpufix.explain.prefilter import unwrapped
from gpufix.explain.quoted import asked_which, quotes_errors
from gpufix.explain.raised import raised_in
from gpufix.explain.stated import placeholders
from gpufix.explain.states import state
from gpufix.explain.version_check import checked
from gpufix.knowledge.messages import compiled

PIECE = 1 << 18  # bytes
MOST = 1 << 30  # bytes of a log that are read
_LOOK = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """The first MOST bytes as UTF-8, at most PIECE bytes (or characters) at a time, without NULs.

    UTF-16 is what PowerShell's `>` writes: told by its mark, or by every other byte being NUL.
    """
    first, left = file.read(PIECE), MOST - PIECE
    encoding, skip = _encoding(first)
    decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding != "utf-8" else None
    piece = first[skip:]
    while piece:
        if decoder is not None:
            piece = decoder.decode(piece).encode("utf-8", "replace")
        if text := piece.replace(b"\0", b""):  # a hole of a sparse file is all NULs
            yield text
        piece = file.read(min(PIECE, left))
        left -= len(piece)


def _encoding(first: bytes) -> tuple[str, int]:
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name, len(mark)
    head = first[:_LOOK]
    if len(head) >= 8:
        for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            half, other = head[offset::2], head[1 - offset :: 2]
            if half.count(0) > 0.6 * len(half) and not other.count(0):
                return name, 0
    return "utf-8", 0


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
_RAISED = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception):\s")
_ACCEPTED = re.compile(
    r"(?:accept|allow)ing this combination|just a warning|(?:can|may) be (?:safely )?ignored"
    r"|(?:can|may) (?:safely )?ignore|safe(?:ly)? (?:to )?ignore|does not indicate an error",
    re.IGNORECASE,
)
_IF = re.compile(r"\bif you (?:don't|do not|are not)\b|\botherwise\b", re.IGNORECASE)
_SPAN = 200  # characters of a line in which its level stands


def without_remarks(explanation: Explanation, raw: str) -> Explanation:
    """The same, or a notice without a rule. `raw`: the line with its prefixes."""
    if explanation.role in ("notice", "wrapper") or not _is_remark(explanation.shown, raw):
        return explanation
    if explanation.rule == "TCH203":  # a minor mismatch is a remark by nature
        return explanation.but(role="notice")
    return explanation.but(
        role="notice",
        rule=None,
        open=(),
        what="A remark: the program that prints it goes on.",
        do="Nothing to do. When something fails after it, the cause stands there.",
    )


def _is_remark(shown: str, raw: str) -> bool:
    deprecated = _DEPRECATED.search(shown) and not _RAISED.match(shown)  # a warning's name alone
    if deprecated or (_ACCEPTED.search(shown) and not _IF.search(shown)):
        return True
    return bool(_LOW.search(raw[:_SPAN])) and not _FAILED.search(shown)


def explained(hit: Hit) -> Explanation | None:
    """The meaning of a hit; None when what stands around it speaks against it."""
    message = hit.message
    if message.near and not _any_stands(message.near, hit):
        return None
    if message.unless and _any_stands(message.unless, hit):
        return None
    explanation = Explanation(
        id=message.id,
        rule=message.rule,
        role=message.role,
        what=message.what,
        do=message.do,
        source=message.source,
        versions=message.versions,
        line=hit.line,
        order=hit.order,
        shown=hit.shown,
        captures=hit.captures,
        handled=was_handled(hit),
    )
    if message.refine is not None:
        refined = REFINERS[message.refine](explanation, hit)
        if refined is None:
            return None
        explanation = refined
    if explanation.rule == "RUN806":
        explanation = memory(explanation, hit)
    explanation = without_remarks(explanation, hit.raw)
    captures = explanation.captures
    if "{index|" in explanation.do or "{cuda|" in explanation.do:
        captures = {**placeholders(hit), **captures}
    return explanation.but(
        what=filled(explanation.what, captures),
        do=filled(explanation.do, captures),
    )


def _any_stands(texts: tuple[str, ...], hit: Hit) -> bool:
    around = context(hit)
    return any(compiled(text).search(around) for text in texts)


def read(file: IO[bytes]) -> tuple[Explanations, LogScan]:
    """Explain a log. Raises OSError."""
    answer, found = explain(pieces(file))
    found.cut = bool(file.read(1))
    return answer, found


def explain(parts: Iterable[bytes]) -> tuple[Explanations, LogScan]:
    """Explain a log that comes in pieces."""
    found = scan(parts)
    answer = _answer(found)
    if _rule(answer) is None and found.size <= len(found.head):
        joined = unwrapped(found.head.decode("utf-8", "replace"))
        again = _answer(scan([joined.encode("utf-8", "replace")])) if joined else answer
        if _rule(again) or (again.recognised and not answer.recognised):
            answer = again
    if answer.primary is None and (read := _without_rows(found)):
        answer = Explanations(read, ())
    elif answer.primary is not None and (own := _after_warning(answer.primary, found)):
        answer = Explanations(own, (answer.primary, *answer.others))
    elif answer.primary is not None and answer.primary.role in ("notice", "symptom"):
        answer = _in_own_words(_by_its_state(answer, found), found)
    elif answer.primary is not None and answer.primary.role == "wrapper":
        answer = _before_wrapper(_in_own_words(answer, found), found)
    return _without_quotes(answer, found), found


def _without_rows(found: LogScan) -> Explanation | None:
    """What a text that no row knows tells by itself."""
    return (
        state(found)
        or checked(found)
        or own_advice(found)
        or missing_file(found)
        or raised_in(found)
    )


_WARNING = re.compile(r"\b[A-Z]\w{2,40}Warning: ")
# What Python raises of names, keys and files: no GPU has a part in it.
_OF_PYTHON = re.compile(
    r"(?:\w+\.)*(?:Attribute|FileNotFound|Import|Index|Key|ModuleNotFound|Name|NotADirectory|Type|UnicodeDecode|ZeroDivision)Error\b"
)


def _after_warning(primary: Explanation, found: LogScan) -> Explanation | None:
    """What is told of such an error, which no row knows, where only a warning before it is known."""
    if primary.role != "cause" or not _WARNING.search(primary.shown):
        return None
    own = missing_file(found) or raised_in(found)
    return own if own and own.line != primary.line and _OF_PYTHON.match(own.shown) else None


def _by_its_state(answer: Explanations, found: LogScan) -> Explanations:
    """The same, or what the versions and states in the text say of a remark or of what failed."""
    told, primary = state(found), answer.primary
    if told is None or primary is None or (told.role != "cause" and primary.role != "notice"):
        return answer
    return Explanations(told, (primary, *answer.others))


def _in_own_words(answer: Explanations, found: LogScan) -> Explanations:
    """The same, or the error after a remark or before a wrapper, where no row knows it and it says itself what helps."""
    primary = answer.primary
    if primary is None or primary.role not in ("notice", "wrapper"):
        return answer
    own = own_advice(found)
    if own is None or own.role not in ("cause", "symptom") or own.line == primary.line:
        return answer
    if (own.line < primary.line) != (primary.role == "wrapper"):
        return answer
    return Explanations(own, (primary, *answer.others))


def _before_wrapper(answer: Explanations, found: LogScan) -> Explanations:
    """The same, or the error that a wrapper reports: no row knows it, and CMake says it or a traceback shows whose it is."""
    primary = answer.primary
    if primary is None or primary.role != "wrapper":
        return answer
    lines = {hit.line for hit in found.hits if hit.message.role == "wrapper"}
    error = cmake_stops(found) or raised_in(found, lines)
    return answer if error is None else Explanations(error, (primary, *answer.others))


def _without_quotes(answer: Explanations, found: LogScan) -> Explanations:
    """The same; of a document that quotes errors, a question in place of a cause."""
    primary = answer.primary
    if primary is None or primary.role in ("unknown", "wrapper") or found.size > len(found.head):
        return answer
    text = found.head.decode("utf-8", "replace")
    if not quotes_errors(text, primary.line):
        return answer
    return Explanations(asked_which((primary, *answer.others)), ())


def _rule(answer: Explanations) -> str | None:
    return answer.primary.rule if answer.primary and answer.recognised else None


# IPython's tracebacks list numbered source lines; the texts in them are what the code may say, not what it said.
_LISTED = re.compile(
    r"\s{0,8}(?:-{1,6}> ?)?\d{1,6} {1,60}(?:raise \w|[rbf]?[\"']|[\w.]{1,60}\([\"'])"
)


# A frame's file and function are names: they tell something only where nothing is said.
_FRAME = re.compile(r"\s*File \"[^\"\n]+\", line \d+, in ")
# Its source line is code: a text in it is what it may raise, and not what was raised where an error follows.
_AT = re.compile(r"File \"[^\"\n]+\", line \d+, in [^\n]*\n[^\n]{0,80}\Z")
_TEXT = re.compile(r"\s*(?:raise \w|assert |[rbf]{0,2}[\"']|[\w.]{1,60}\([rbf]{0,2}[\"'])")
_FOLLOWS = re.compile(
    r"^(?:[^\n]{0,60}[\]):|]\s)?\s{0,8}(?:\w+\.)*_?[A-Z]\w{1,60}(?:Error|Exception)\b", re.M
)


def _is_source(hit: Hit) -> bool:
    return bool(
        _TEXT.match(hit.raw) and _AT.search(hit.before[-600:]) and _FOLLOWS.search(hit.after)
    )


def _answer(found: LogScan) -> Explanations:
    first: dict[tuple[int, str], Hit] = {}
    for hit in found.hits:  # in the order of lines, then of texts
        first.setdefault((hit.line, hit.message.id), hit)
    said = [h for h in first.values() if not (_LISTED.match(h.raw) or _FRAME.match(h.raw))]
    said = [h for h in said or first.values() if not _is_source(h)]
    explanation = (explained(hit) for hit in said)
    return resolve(t for t in explanation if t is not None)


# A cause outranks what merely failed, whichever came first.
_RANK = {"cause": 0, "symptom": 1, "unknown": 2, "notice": 3, "wrapper": 4}


@dataclass(frozen=True, slots=True)
class Explanations:
    """`primary` None: nothing known was found. `others`: the rest, one of each, in order."""

    primary: Explanation | None
    others: tuple[Explanation, ...]

    @property
    def recognised(self) -> bool:
        """Whether the cause is known, or at least what failed."""
        return self.primary is not None and self.primary.role not in ("unknown", "wrapper")


def unknown(error: str) -> Explanation:
    """An error that no row knows, as a question to the patient."""
    return Explanation(
        id="unknown-error",
        rule=None,
        role="unknown",
        what="No message that gpufix knows.",
        do="Nothing known matches it.",
        source="",
        versions=None,
        line=0,
        order=0,
        shown=error,
        captures={},
    )


def _said(ordered: list[Explanation]) -> Explanation:
    """The first; a traceback shows the line that raises before the message itself."""
    first = ordered[0]
    same = (
        explanation
        for explanation in ordered
        if (explanation.id, explanation.rule) == (first.id, first.rule)
    )
    return next(
        (explanation for explanation in same if not explanation.shown.startswith("raise ")), first
    )


def resolve(found: Iterable[Explanation]) -> Explanations:
    """The first of the strongest kind is primary; in one line the earlier message decides."""
    best: dict[tuple[int, int], Explanation] = {}
    for explanation in sorted(without_first_tries(found), key=lambda t: (t.line, t.order)):
        best.setdefault((explanation.line, _RANK[explanation.role]), explanation)
    ordered = sorted(best.values(), key=lambda t: (_RANK[t.role], t.line))
    if not ordered:
        return Explanations(None, ())
    primary = _said(ordered)
    others: dict[tuple[str, str | None], Explanation] = {}
    for explanation in sorted((t for t in ordered if t is not primary), key=lambda t: t.line):
        key = (
            explanation.id,
            explanation.captures.get("symbol") or explanation.captures.get("soname"),
        )
        if key != (primary.id, primary.captures.get("symbol") or primary.captures.get("soname")):
            others.setdefault(key, explanation)
    return Explanations(primary, tuple(others.values()))
