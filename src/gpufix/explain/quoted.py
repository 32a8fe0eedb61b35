"""Documents that quote errors: a README's troubleshooting, release notes, a form for reports.

A log is what a program printed. A document has a structure (headings, lists, fences, links) and gives
advice to whoever reads it; somebody who reports an error writes of himself, and asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpufix.explain.explanation import Explanation

_FENCE = re.compile(r"[ \t]*(?:[-*>][ \t]+)?(?:```|~~~)[ \t]*(?P<language>[\w{}+.:\- ]{0,30})$")
_HEADING = re.compile(
    r"(?:#{2,6}(?!\[)|# (?=[A-Z][a-z]+ [A-Za-z]))\s*(?:[\d.]+\s+)?\S*[A-Za-z一-鿿]|h[1-6]\. "
)
_RULER = re.compile(r"([=\-~^\"*+#])\1{3,199}$")
_ITEM = re.compile(r"\s{0,12}(?:[-*•+]|\d{1,2}[.)]|#\.|-->)\s+(?=\S*[A-Za-z一-鿿\"'`(])")
_LINK = re.compile(
    r"\[[^\]\n]{1,200}\]\([^)\s]{1,300}\)|`[^`\n]{1,120}<[^>\n]{1,300}>`__?|:[a-z:+]{2,20}:`"
    r"|^[ \t]*\.\. [\w:+\-]+::|</?(?:details|summary|br|code|pre|kbd|ul|li|p|b|a|h\d)\b[^>\n]{0,80}/?>"
    r"|^[ \t]*\|(?:[^|\n]{0,400}\|){2}[ \t]*$|^[ \t]*:::|^[ \t]*!!! |^\(\S+\)=$",
    re.IGNORECASE | re.MULTILINE,
)
_BOLD = re.compile(
    r"(?<!\*)\*\*(?=\S)[^*\n]{2,200}\*\*(?!\*)|(?<![\w_])__(?=[A-Z])[^_\n]{2,100}__(?!\w)"
)
_CODE = re.compile(r"(?<!`)(`{1,2})(?=[^`'\s])[^`\n]{1,160}\1(?!`)")
_FORM = re.compile(
    r"^\s*(?:- )?(?:type: \w+|attributes:|description: ?|validations:|placeholder: |label: )"
)
_TRACE = re.compile(
    r"Traceback \(most recent call last|^[ \t]*File \"[^\"\n]+\", line \d", re.MULTILINE
)
_COMMENT = re.compile(r"<!--[^<]{0,2000}-->")  # instructions that are left in a form
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
    r"|\b(?:check|verify|set|install|reinstall|run|use|add|see|delete|upgrade|update|rebuild) (?:whether|that|if|the|your|again)\b"
    r"|如果|请(?!问|教)|您|建议|注意|解决(?:方法|办法|方案)",
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
    r"|我(?!们)|请问|求助|大佬|怎么办|为什么"
)
_REPORT = re.compile(
    r"^(?:#{1,6}|\*\*)\W{0,4}(?:describe the (?:bug|issue)|bug description|to reproduce|steps to reproduce"
    r"|(?:detailed )?(?:reproduction|steps)\b|(?:expected|actual|current) (?:behaviou?r|results?)|what happened"
    r"|(?:your |my )?(?:current )?environment|versions|(?:relevant )?(?:error|log) ?(?:messages?|logs?|output)?\W*$"
    r"|logs?\b|system info|stack ?trace|traceback|additional context|debug logs|版本信息|问题描述|(?:错误)?日志|复现|环境|预期|实际)",
    re.IGNORECASE | re.MULTILINE,
)
_PRINTED = re.compile(
    r"Traceback \(most recent call|\w[\w.]{0,80}(?:Error|Exception|Warning)\b\s?:|\s*File \"|(?:[a-z]{1,20} )?error\b\s?:"
    r"|\[?(?:ERROR|WARNING|INFO|WARN|FATAL|DEBUG)\b|\S{1,200}[:(]\d+[:)]|\[\d+/\d+\]|\[?\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d"
    r"|(?:FAILED|CMake \w+|make(?:\[\d+\])?|nvcc|gcc|g\+\+|ninja|pip|Collecting|Building|Downloading)\b[: ]"
)
_SOURCE = ("c", "cc", "c++", "cpp", "cuda", "cmake", "dockerfile", "yaml", "toml", "diff")
_LITERAL = re.compile(
    r"(?<!raise )\b\w+\((?:[^\"'()]{0,80}, ?)?[rfbuL]?[\"']"
)  # a call with a message
_SHOWN = 5  # quoted errors that are named
_SENTENCE = re.compile(r"[A-Za-z`(]\S*(?:\s{1,9}[a-z`(]\S*){4}")
_CONDITION = re.compile(  # the sentence that holds the message says whom it concerns
    r"\b[Ii]f you (?:get|see|encounter|run into|face|hit|receive|are getting|have this)\b"
)
_MANY = 5  # sentences
_LEAST = 4  # lines of a document
_LONGEST = 64 << 10  # characters that are looked at


_TITLE = re.compile(r"#{1,6} \S.*[A-Za-z]{3}")
_MANUAL = re.compile(  # headings that manuals have, and reports have not
    r"#{1,6} (?:examples?|why it matters|what it does|(?:known|common) (?:issues|problems|errors)|trouble ?shooting"
    r"|fix(?:es)?|severity|caveats|limitations|faq)\W*$",
    re.IGNORECASE,
)
_SPAN = re.compile(r"(?<!`)`(?!`)")
_CELL = re.compile(r"[^|\n]{0,400}\|[^|\n]{0,400}\|")


@dataclass(slots=True)
class _Marks:
    """What was counted in a text. `strong`: structure that no program's output has."""

    strong: int = 0
    structure: int = 0
    advice: int = 0
    items: int = 0
    changes: int = 0
    printed: int = 0
    myself: int = 0
    headings: int = 0
    sentences: int = 0
    form: bool = False
    report: bool = False


def quotes_errors(text: str, line: int) -> bool:
    """Whether the text is a document that speaks of errors, and not what a program printed.

    `line`: where the message stands, from 1. In a sentence or a listing of source code it counts as
    quoted sooner than on a line of its own.
    """
    text, line = _around(text, line)
    lines = _COMMENT.sub(_blank, text.replace("\r\n", "\n")).split("\n")
    if 0 < line <= len(lines) and not lines[line - 1].strip():
        return True  # it stands in a comment: the form's words
    prose, source = _parts(lines)
    marks = _counted(lines, prose)
    if line - 1 in prose and _CONDITION.search(lines[line - 1]):
        return not (marks.printed or marks.myself)
    if line - 1 in prose and _declared(lines, line - 1, marks, text):
        return True
    if sum(bool(each.strip()) for each in lines) < _LEAST:
        return False
    if marks.form or (line - 1 in source and _LITERAL.search(lines[line - 1])):
        return True
    within = line - 1 in source or (
        line - 1 in prose
        and (_embedded(lines[line - 1]) or _in_a_paragraph(marks, lines, line - 1))
    )
    if (
        3 * marks.myself > marks.advice
        or not marks.strong
        or (marks.report and not (within and not _TRACE.search(text)))
    ):
        return False
    if marks.items >= 2 and marks.changes >= max(2, marks.items // 2) and marks.printed <= 1:
        return True
    weight = marks.structure + 2 * marks.advice - 2 * marks.printed
    return weight >= 3 if within else weight >= 7 and marks.advice >= 2


def _around(text: str, line: int) -> tuple[str, int]:
    """The part of a long text that stands around a line, and the line's number in it."""
    if len(text) <= _LONGEST:
        return text, line
    lines = text.split("\n")
    first = last = max(0, min(line, len(lines)) - 1)
    size = len(lines[first])
    while size < _LONGEST // 2 and (first > 0 or last + 1 < len(lines)):
        first, last = max(0, first - 1), min(len(lines) - 1, last + 1)
        size += len(lines[first]) + len(lines[last])
    return "\n".join(lines[first : last + 1])[:_LONGEST], line - first


def asked_which(quoted: Sequence[Explanation]) -> Explanation:
    """The answer to a document: what it quotes, and the question which of it the reader has."""
    lines = sorted({one.line: one.shown for one in quoted}.items())
    return replace(
        quoted[0],
        id="quoted-errors",
        rule=None,
        role="notice",
        what="This text quotes errors, as a guide, release notes or a form do: it is not the output "
        "of a program that failed. Which one do you have?",
        do="Give `gpufix explain` the output itself: the command's log or the traceback.",
        source="",
        versions=None,
        captures={},
        open=(),
        notes=tuple(f"Quoted in line {line}: {shown[:120]}" for line, shown in lines[:_SHOWN]),
    )


def _counted(lines: list[str], prose: set[int]) -> _Marks:
    marks = _Marks()
    headings = bold = code = forms = 0
    for number in sorted(prose):
        line = lines[number]
        headings += _is_heading(lines, number)
        marks.changes += bool(_VERSION_HEADING.match(line))
        forms += bool(_FORM.match(line))
        if _printed(line):
            marks.printed += 1
            continue
        if _PRINTED.match(line.strip()) and line.startswith(("    ", "\t")):
            continue
        item = _ITEM.match(line)
        marks.items += bool(item)
        marks.changes += bool(item and _CHANGE.match(line[item.end() :]))
        if len(re.findall(r"[A-Za-z]{2,}|[一-鿿]{2}", line)) < 3:
            continue
        bold += bool(_BOLD.search(line))
        code += bool(_CODE.search(line))
        heading = line.startswith("#")
        marks.sentences += bool(_SENTENCE.match(line))
        if heading or not line.rstrip().endswith("?"):
            marks.advice += bool(_ADVICE.search(line)) + 2 * bool(_SEES.search(line))
        if not heading:
            marks.myself += len(_MYSELF.findall(_CODE.sub("", line)))
    body = "\n".join(lines[number] for number in sorted(prose))
    marks.report = bool(_REPORT.search(body))
    marks.form = forms >= 3 and "validations:" in body
    marks.headings = headings
    listed = 0 if marks.printed else min(marks.items, 2)
    marks.strong = 2 * min(headings, 2) + listed + min(bold, 2) + 2 * bool(_LINK.search(body))
    marks.structure = marks.strong + min(code, 2) + (len(prose) < len(lines))
    return marks


def _blank(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")


def _printed(line: str) -> bool:
    """Whether a program wrote the line: what logs begin their lines with, and no advice."""
    return bool(_PRINTED.match(line)) and not _ADVICE.search(line)


def _embedded(line: str) -> bool:
    """Whether a message on this line is part of a sentence, a heading or a list."""
    bare = line.strip().strip("`")
    return (
        not _PRINTED.match(bare)
        and not re.fullmatch(r"`+[^`]+`+", line.strip())
        and bool(
            line.startswith("#")
            or _ITEM.match(line)
            or _CODE.search(line)
            or _BOLD.search(line)
            or _ADVICE.search(line)
            or _SEES.search(line)
        )
    )


def _declared(lines: list[str], number: int, marks: _Marks, text: str) -> bool:
    """Whether a manual says it: below a heading, the message is a code span of a paragraph, or a cell.

    Nobody speaks of himself there, asks, or shows what a program printed.
    """
    asks = "?" in re.sub(r"`[^`]*`", "", text)
    if marks.myself or marks.printed or marks.report or asks or _TRACE.search(text):
        return False
    first = number
    while first and lines[first - 1].strip() and not _TITLE.match(lines[first - 1]):
        first -= 1
    last = number
    while last + 1 < len(lines) and lines[last + 1].strip():
        last += 1
    paragraph = "\n".join(lines[first : last + 1])
    if _CELL.match(lines[number]):
        return last > first
    titled = any(_TITLE.match(line) for line in lines[:number])
    if any(_MANUAL.match(line) for line in lines[:number]):
        return True
    spans = len(_SPAN.findall(paragraph))
    outside = re.sub(r"`[^`]*`", "", paragraph)
    return titled and spans >= 2 and len(re.findall(r"[A-Za-z]{2,}", outside)) >= 3


def _in_a_paragraph(marks: _Marks, lines: list[str], number: int) -> bool:
    """Whether prose goes on from the line before or to the next, in a text with headings.

    Among many sentences a line that is code alone is an example.
    """
    example = marks.sentences >= _MANY and lines[number].startswith("`")
    around = [each for each in (number - 1, number, number + 1) if 0 <= each < len(lines)]
    return (
        marks.headings >= 2
        and not _PRINTED.match(lines[number].strip())
        and (
            example
            or any(_SENTENCE.match(lines[each]) and not _printed(lines[each]) for each in around)
        )
    )


def _is_heading(lines: list[str], number: int) -> bool:
    line = lines[number].strip()
    before = lines[number - 1].strip() if number else ""
    if _HEADING.match(lines[number]):
        return True
    ruled = _RULER.match(line) and re.match(r"[\w`:\"'\[(]", before)
    return bool(ruled and re.search(r"[A-Za-z]{2}", before) and abs(len(line) - len(before)) <= 4)


def _parts(lines: list[str]) -> tuple[set[int], set[int]]:
    """The lines outside fenced blocks, and those in blocks of source code.

    A text may have been cut within a block: then its first fence ends one.
    """
    fences = [number for number, line in enumerate(lines) if _FENCE.match(line)]
    inside = bool(len(fences) % 2 and _ends_a_block(lines, fences[0]))
    prose, source, language = set(), set(), ""
    for number, line in enumerate(lines):
        if fence := _FENCE.match(line):
            inside, language = not inside, fence["language"].strip().lower()
        elif not inside:
            prose.add(number)
        elif language in _SOURCE:
            source.add(number)
    return prose, source


def _ends_a_block(lines: list[str], first: int) -> bool:
    above = lines[:first]
    if (found := _FENCE.match(lines[first])) and found["language"].strip():
        return False
    return not any(
        _HEADING.match(line) or (_ADVICE.search(line) and not _LITERAL.search(line))
        for line in above
    )
