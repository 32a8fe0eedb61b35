"""Documents that quote errors: a README's troubleshooting, release notes, a form for reports.

A log is what a program printed. A document has a structure (headings, lists, fences, links) and gives
advice to whoever reads it; somebody who reports an error writes of himself, and asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"[ \t]*(?:[-*>][ \t]+)?(?:```|~~~)[ \t]*(?P<language>[\w{}+.:\- ]{0,30})$")
_HEADING = re.compile(r"(?:#{2,6}|# (?=[A-Z][a-z]+ [A-Za-z]))\s*\S*[A-Za-z]|h[1-6]\. |=+ [A-Z][\w ]+ =+$")
_RULER = re.compile(r"([=\-~^\"*+#])\1{3,199}$")
_ITEM = re.compile(r"\s{0,12}(?:[-*•+]|\d{1,2}[.)]|#\.|-->)\s+(?=\S*[A-Za-z\"'`(])")
_LINK = re.compile(
    r"\[[^\]\n]{1,200}\]\([^)\s]{1,300}\)|`[^`\n]{1,120}<[^>\n]{1,300}>`__?|:[a-z:+]{2,20}:`"
    r"|^\s*\.\. [\w:+\-]+::|</?(?:details|summary|br|code|pre|kbd|ul|li|p|b|a|h\d)\b[^>\n]{0,80}/?>"
    r"|^\s*\|(?:[^|\n]{0,400}\|){2}\s*$|^\s*:::|^\s*!!! |^\(\S+\)=$",
    re.IGNORECASE | re.MULTILINE,
)
_BOLD = re.compile(r"(?<!\*)\*\*(?=\S)[^*\n]{2,200}\*\*(?!\*)|(?<![\w_])__(?=[A-Z])[^_\n]{2,100}__(?!\w)")
_CODE = re.compile(r"(?<!`)(`{1,2})(?=[^`'\s])[^`\n]{1,160}\1(?!`)")
_FORM = re.compile(r"^\s*(?:- )?(?:type: \w+|attributes:|description: ?|validations:|placeholder: |label: )")
_VERSION_HEADING = re.compile(r"#{1,6}\s*\[?v?\d+\.\d+|\*\*v?\d+\.\d+")
_CHANGE = re.compile(
    r"\W{0,8}(?:[\w./`]{1,30}: )?\W{0,3}(?:fix(?:e[ds])?|add(?:ed|s)?|support(?:ed|s)?|updat(?:e[ds]?)|remov(?:e[ds]?)"
    r"|improv(?:e[ds]?|ements?)|allow(?:ed|s)?|chang(?:e[ds]?)|bump(?:ed|s)?|clarif(?:y|ied)|refactor\w*"
    r"|renam(?:e[ds]?)|deprecat(?:e[ds]?)|reformat|us(?:e[ds]?)|enabl(?:e[ds]?)|mov(?:e[ds]?)|drop(?:ped|s)?"
    r"|rework\w*|bug ?fix(?:es)?|speed ?up|introduc(?:e[ds]?)|implement\w*|make|made)\b",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"\byou (?:may|might|can|could|will|should|need|must|have to|want|are|see|get|just|probably|use|encounter)\b"
    r"|\byou(?:'re|'ll|’re|’ll)\b|\byours?\b|\bplease (?!help)|\bmake sure\b|\bensure\b|\bbe sure\b|\btry\b"
    r"|\b(?:this|that|it|which|usually|error) (?:\w+ )?(?:means|happens|occurs|indicates|signals|implies|is because)\b"
    r"|\b(?:it|this)(?:'s| is) (?:\w+ ){0,2}because\b|\b(?:known|common) (?:\w+ )?(?:issue|problem|error)s?\b"
    r"|\bwork-?arounds?\b|\bsolutions?\b|\bresolutions?\b|\bsymptoms?\b|\btrouble ?shoot|\bFAQ\b|\bcan be (?:\w+ )?(?:fixed|solved|resolved|caused)"
    r"|\bmay (?:occur|fail|happen|be)\b|\bto (?:fix|solve|resolve|avoid|work ?around|check|verify|install|build)\b"
    r"|\b(?:check|verify|set|install|reinstall|run|use|add|see|delete|upgrade|update|rebuild) (?:whether|that|if|the|your|again)\b",
    re.IGNORECASE,
)
_SEES = re.compile(
    r"\b(?:if|when|in case|should) (?:you|your|the|this|an?|importing|\w+ (?:raises|fails|shows|says))\b[^.?!\n]{0,80}"
    r"(?:errors?|exceptions?|messages?|problems?|issues?|fail\w*|warnings?|raises?|complain\w*|[`\"“])"
    r"|\b(?:errors?|exceptions?|messages?) (?:such as|like|similar to|with the|saying|of the form|as follows)\b"
    r"|^\W*(?:Q\d*|problem|error|symptom)s?\s?[:：]",
    re.IGNORECASE,
)
_MYSELF = re.compile(
    r"(?<![\w.'`/\-])(?:I(?:'m|'ve|'d|’m|’ve)?|my|myself)(?= [a-z])|\bany (?:help|ideas?|suggestions?)\b|\bthanks in advance\b"
    r"|\b(?:can|could) (?:you|someone|anyone|anybody) \b"
)
_REPORT = re.compile(
    r"#{1,6} (?:🐛 )?(?:describe the (?:bug|issue)|bug description|to reproduce|steps to reproduce|expected behaviou?r"
    r"|actual behaviou?r|current behaviou?r|(?:your )?(?:current )?environment|versions|error (?:log|message)s?|logs?|system info)\b",
    re.IGNORECASE,
)
_BLANK_FORM = re.compile(r"<!--|_No response_|\bA clear and concise\b|\.\.\.$", re.MULTILINE)
_PRINTED = re.compile(
    r"Traceback \(most recent call|\w[\w.]{0,80}(?:Error|Exception|Warning)\b\s?:|\s*File \"|(?:fatal )?error\b\s?:"
    r"|\[?(?:ERROR|WARNING|INFO|WARN|FATAL|DEBUG)\b|\S{1,200}[:(]\d+[:)]|\[\d+/\d+\]|\[?\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d"
    r"|(?:FAILED|CMake \w+|make(?:\[\d+\])?|nvcc|gcc|g\+\+|ninja|pip|Collecting|Building|Downloading)\b[: ]"
)
_LONGEST = 64 << 10  # characters of a text that may be a document


@dataclass(slots=True)
class _Marks:
    """What was counted in a text."""

    structure: int = 0
    advice: int = 0
    changes: int = 0
    items: int = 0
    printed: int = 0
    myself: int = 0
    prose: int = 0


def quotes_errors(text: str) -> bool:
    """Whether the text is a document that speaks of errors, and not what a program printed."""
    if len(text) > _LONGEST:
        return False
    marks = _counted(text)
    if marks.myself:
        return False
    if marks.items >= 2 and marks.changes >= max(2, marks.items // 2) and marks.printed <= 1:
        return True
    if marks.structure < 2 or marks.advice < 1:
        return False
    return marks.structure + 2 * marks.advice - 2 * marks.printed >= 5


def _counted(text: str) -> _Marks:
    lines = text.replace("\r\n", "\n").split("\n")
    outside = list(_outside_fences(lines))
    marks = _Marks()
    headings = items = bold = code = fences = 0
    for number, line in outside:
        stripped = line.strip()
        before = lines[number - 1].strip() if number else ""
        headings += bool(_HEADING.match(line)) or _underlines(stripped, before)
        marks.changes += bool(_VERSION_HEADING.match(line))
        if _printed(line):
            marks.printed += 1
            continue
        item = _ITEM.match(line)
        items += bool(item)
        marks.changes += bool(item and _CHANGE.match(line[item.end() :]))
        if len(re.findall(r"[A-Za-z]{2,}", stripped)) < 3:
            continue
        bold += bool(_BOLD.search(line))
        code += bool(_CODE.search(line))
        marks.advice += bool(_ADVICE.search(line)) + 2 * bool(_SEES.search(line))
        marks.myself += bool(_MYSELF.search(_CODE.sub("", line)))
    fences = len(lines) - len(outside)
    body = "\n".join(line for _, line in outside)
    if _REPORT.search(body) and not _BLANK_FORM.search(body):
        marks.myself += 1
    marks.items = items
    marks.structure = (
        2 * min(headings, 2)
        + min(items, 2)
        + min(code, 2)
        + min(bold, 2)
        + (1 if fences else 0)
        + 2 * bool(_LINK.search(body))
        + 2 * (sum(bool(_FORM.match(line)) for _, line in outside) >= 3)
    )
    return marks


def _printed(line: str) -> bool:
    """Whether a program wrote the line: at its left edge, and no list's or table's."""
    return bool(_PRINTED.match(line)) and not _ADVICE.search(line)


def _underlines(line: str, before: str) -> bool:
    ruler = _RULER.match(line)
    return bool(ruler and re.search(r"[A-Za-z]{2}", before) and abs(len(line) - len(before)) <= 4)


def _outside_fences(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without fenced blocks; a text may start within one."""
    marks = [found for line in lines if (found := _FENCE.match(line))]
    inside = bool(len(marks) % 2 and not marks[0]["language"].strip())
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            yield number, line
