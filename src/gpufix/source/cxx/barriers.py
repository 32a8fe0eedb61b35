"""Barriers of a whole block under a condition that differs between its threads."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import NamedTuple

from gpufix.source.cxx.code import CxxCode
from gpufix.source.cxx.functions import Function, device_functions
from gpufix.source.cxx.sums import Loop, Variables, decided_by
from gpufix.source.source_facts import Barrier

_BARRIER = re.compile(r"(__syncthreads(?:_count|_and|_or)?)\s*\(")
# What stands before it is looked at afterwards: so the search skips to the letters.
_CONTROL = re.compile(r"(if|while|for|switch|else)\b\s*(?:constexpr\s*)?")
# What differs between the threads of one block.
_THREAD = re.compile(
    r"\bthreadIdx\s*\.\s*[xyz]|\bthread_(?:rank|index)\s*\(|\bthreadIdx\b|__laneid\b|%laneid"
)
_NUMBERS = ("threadIdx", "thread_rank", "thread_index", "laneid")
# The same for all: what a block-wide vote returns, and what threads are numbered by.
_UNIFORM = re.compile(r"\b__syncthreads_(?:count|and|or)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)")
# So is what a type says, and the size of a thread's part of a CuTe layout.
_OF_TYPE = re.compile(
    r"\b(?:sizeof|alignof|decltype|size|(?:size|rank|depth|cosize|shape)\s*<[^<>()]*>)"
    r"\s*\([^()]*(?:\([^()]*\)[^()]*)*\)"
)
_TYPE_WORDS = ("size", "rank", "depth", "shape", "alignof", "decltype")
_ASSIGN = re.compile(
    r"(?:^|[;{}(,])\s*(?:(?:const|unsigned|signed|volatile|static|constexpr|register)\s+)*"
    r"(?:[\w:]+(?:<[^<>;]*>)?\s*[&*]?\s+(?:const\s+)?)?(\w+)\s*([-+*/%|&^]|<<|>>)?=(?!=)([^;{}]*)"
)
_END = re.compile(r"[;{}]")
_DECLARE = re.compile(
    r"(?:^|[;{}(])\s*(?:(?:const|unsigned|volatile|static|constexpr|register)\s+)*"
    r"[A-Za-z_][\w:]*(?:<[^<>;]*>)?\s*[&*]?\s+(?:const\s+)?(\w+)\s*=(?!=)([^;{}]*)"
)
# Variables without a value yet.
_BARE = re.compile(
    r"(?<=[;{}])\s*(?:(?:unsigned|volatile)\s+)*(?!return\b|goto\b|else\b)"
    r"[A-Za-z_][\w:]*(?:<[^<>;]*>)?(?:\s*[&*]\s*|\s+)(\w+(?:\s*,\s*\w+)*)\s*;"
)
# A loop up to a constant is taken to run equally often: constants are chosen to divide evenly.
_CONSTANT_BOUND = re.compile(r"\s*\w+\s*<=?\s*(?:\w+::\w+|[A-Z][A-Z0-9_]*|\d+)\s*")
_BOUND = re.compile(r"\s*\w+\s*<\s*([^<>=!&|?]+)")
# Rounded up by a function, or as n - n % step + step; a number of steps by one; n / step, times step.
_ROUNDED = re.compile(
    r"(?i)\b\w*(?:round|align)_?up\w*\s*(?:<[^<>()]*>\s*)?\(|-\s*\w+\s*%\s*(\w+)\s*\+\s*\1\b"
)
_PARTS = re.compile(r"(?i)\b\w*(?:ceil_?div|cdiv|div_?up)\w*\s*(?:<[^<>()]*>\s*)?\(")
_DIVIDED = re.compile(r"/\s*([A-Za-z_]\w*)")
_TIMES = re.compile(r"\b(\w+)\s*\*|\*\s*(\w+)")
_SHARED = re.compile(r"\b__shared__\b[^;(){}]*?(\w+)\s*(?:\[|;|,)")
_REFERS = re.compile(r"[\w>]\s*[&*]\s*(\w+)\s*=(?!=)([^;{}]*)")
_WORD = re.compile(r"(?<![\w.])([A-Za-z_]\w*)")
_ROUND = re.compile(r"[()]")
_CALL = re.compile(r"\s*!?\s*(?:\w+::)*([A-Za-z]\w*)\s*(?:<[^<>()]*>)?\s*\(([^<>=!&|]*)\)\s*")
_KEEPS = frozenset({"bool", "int", "unsigned", "static_cast", "min", "max", "abs"})
_NEXT_NAME = re.compile(
    r"[()\[\]]|,\s*(?:[&*]?\s*(\w+)\s*(?:[-+*/%|&^]|<<|>>)?=(?!=)|(?:\+\+|--)\s*\w+|\w+\s*(?:\+\+|--))"
)
_WORDLY = re.compile(r"\w")
_STATEMENT = re.compile(r"[;{(]")
_BACK = re.compile(r"\b(?:do|goto)\b")
_LIMIT = 20
_FOLLOWED = 500  # conditions of one function whose sums are compared
_NESTED = 8  # loops around a condition whose variables are followed


def concerns(data: bytes) -> bool:
    """Whether a source may have one."""
    return b"__syncthreads" in data


def divergent(code: CxxCode) -> tuple[Barrier, ...]:
    """The divergent barriers of a source."""
    functions = device_functions(code)
    defined = {function.name for function in functions}
    rows = [row for function in functions for row in _in(code, function, defined)]
    return tuple(rows[:_LIMIT])


def _in(code: CxxCode, function: Function, defined: Set[str]) -> Iterator[Barrier]:
    start, end = function.body
    body = code.structure[start:end]
    if "__syncthreads" not in body or not _is_numbered(body):
        return
    found = _BARRIER.finditer(code.structure, start, end)
    barriers = [b for b in found if not _WORDLY.match(code.structure, b.start() - 1)]
    if not barriers:
        return
    controlled = _controlled(code, start, end, [barrier.start() for barrier in barriers])
    if not controlled:
        return
    conditions = [_Value.of(span.decides) for span in controlled]
    names = {name for value in conditions for name in value.names}
    differing = thread_dependent(body, names)
    judged = [row for row in zip(controlled, conditions, strict=True) if row[1].differs(differing)]
    if not judged:
        return
    if uniform := _also_uniform(body, differing):
        differing = thread_dependent(body, names, uniform)
    even = {name for name, value in _declared(body) if _rounds(_own(value))}
    rows = [
        row
        for row in judged
        if row[1].differs(differing)
        and not _bounded(row[0].condition, even, differing)
        and not _unknown(row[0].condition, defined)
    ]
    spans = [
        span
        for at, (span, value) in enumerate(rows)
        if at >= _LIMIT or _so_far(body, value, span.last - start, uniform)
    ]
    for barrier in barriers:
        for span in spans:
            if span.begin <= barrier.start() < span.end:
                guards = code.conditions.at(barrier.start())
                text = " ".join(span.condition.split())[:100]
                line = code.line(barrier.start())
                yield Barrier(barrier[1], line, guards, text, code.line(span.at), function.name)
                break


def _so_far(body: str, value: _Value, end: int, uniform: Set[str]) -> bool:
    """Whether a condition differs by what stands before the end of the loops around it."""
    if end >= len(body) or _BACK.search(body):
        return True
    return value.differs(thread_dependent(body[:end], value.names, uniform))


def _rounds(value: str) -> bool:
    """Whether a value is rounded up to a multiple, of what a block does in one step as a rule."""
    if _ROUNDED.search(value):
        return True
    if "*" not in value:
        return False
    if ("/" in value and re.search(r"\b(?:blockDim|gridDim)\b", value)) or _PARTS.search(value):
        return True
    parts = set(_DIVIDED.findall(value)) if "+" in value else set()
    rest = _DIVIDED.sub("/", value) if parts else ""
    return any(parts.intersection(pair) for pair in _TIMES.findall(rest))


def _bounded(condition: str, even: set[str], differing: set[str]) -> bool:
    """Whether a condition compares with such a value alone: all threads leave in the same round."""
    found = _BOUND.fullmatch(condition)
    if found is None or _Value.of(found[1]).differs(differing):
        return False
    return found[1].strip() in even or _rounds(found[1])


def _unknown(condition: str, defined: Set[str]) -> bool:
    """Whether a condition is what a function of another file returns, which may only hand the number on."""
    found = _CALL.fullmatch(condition)
    return found is not None and found[1] not in defined and found[1] not in _KEEPS


def _is_numbered(text: str) -> bool:
    """Whether a text asks for the thread's number."""
    return any(word in text for word in _NUMBERS) and _THREAD.search(text) is not None


class _Value(NamedTuple):
    """What an expression is made of: the thread's number itself, and names."""

    numbered: bool
    names: frozenset[str]

    @classmethod
    def of(cls, text: str) -> _Value:
        text = _UNIFORM.sub(" ", text) if "__syncthreads" in text else text
        text = _OF_TYPE.sub(" ", text) if any(word in text for word in _TYPE_WORDS) else text
        return cls(_is_numbered(text), frozenset(_WORD.findall(text)))

    def differs(self, differing: Set[str]) -> bool:
        """Whether it may differ between threads, given the names that do."""
        return self.numbered or not self.names.isdisjoint(differing)


def _shared(body: str) -> Set[str]:
    """What lies in shared memory, the same for all, and what refers to a place in it that is."""
    found = set(_SHARED.findall(body)) if "__shared__" in body else set()
    referring = _REFERS.findall(body) if found else []
    assignments = _Assignments(body if referring else "")
    for name, value in referring:
        made = _Value.of(value)
        others = (text for other in made.names - found for text in assignments.of(other))
        if not made.numbered and made.names & found and next(others, None) is None:
            found.add(name)
    return found


def thread_dependent(body: str, wanted: Iterable[str], uniform: Iterable[str] = ()) -> set[str]:
    """Of the names asked for, and those they are made of: the ones whose value may follow from
    the thread's number (what lies in shared memory does not, nor what is said to be uniform)."""
    if not _is_numbered(body):
        return set()
    same = {*uniform, *_shared(body)}
    assignments = _Assignments(body)
    steps: list[tuple[str, _Value]] = []
    queue, known = list(wanted), set(wanted)
    while queue:
        name = queue.pop()
        given = () if name in same else assignments.of(name)
        values = [_Value.of(_own(text)) for text in given]
        steps += [(name, value) for value in values]
        more = {made for value in values for made in value.names} - known
        queue += more
        known |= more
    differing: set[str] = set()
    for _ in range(6):
        found = {name for name, value in steps if value.differs(differing)}
        if found <= differing:
            break
        differing |= found
    return differing


class _Assignments:
    """What the names of a function's body are given. Only statements that set a name are read for it."""

    def __init__(self, body: str) -> None:
        self._body = body
        self._ends = [match.start() for match in _END.finditer(body)]  # of statements
        self._places: dict[str, list[int]] = {}  # of the signs behind a name
        at = body.find("=")
        while at >= 0:
            compares = body.startswith("=", at + 1)
            if not compares and (end := _operator(body, at)) is not None:
                self._places.setdefault(_word_before(body, end), []).append(at)
            at = body.find("=", at + 1 + compares)

    def of(self, name: str) -> Iterator[str]:
        """The expressions that it is given. A statement has one assignment at most."""
        done = -1
        for place in self._places.get(name, ()):
            if place < done:
                continue
            index = bisect_left(self._ends, place)
            begin = self._ends[index - 1] if index else 0
            done = self._ends[index] if index < len(self._ends) else len(self._body)
            if match := _ASSIGN.search(self._body[begin:done]):
                yield from (value for word, value in _each(match[1], match[3]) if word == name)


def _operator(body: str, at: int) -> int | None:
    """Where `=`, `+=`, `<<=` begins; None: it compares."""
    if body[max(0, at - 2) : at] in ("<<", ">>"):
        return at - 2
    before = body[at - 1] if at else " "
    if before in "=!<>":
        return None
    return at - 1 if before in "-+*/%|&^" else at


def _word_before(text: str, end: int) -> str:
    """The word that ends before an offset, white space aside."""
    while end > 0 and text[end - 1].isspace():
        end -= 1
    begin = end
    while begin > 0 and (text[begin - 1].isalnum() or text[begin - 1] == "_"):
        begin -= 1
    return text[begin:end]


def _each(name: str, value: str) -> Iterator[tuple[str, str]]:
    """The names of one statement, each with its expression: a = x, b = y; a -= x, ++b."""
    if "," not in value:
        yield name, value
        return
    depth = start = 0
    for found in _NEXT_NAME.finditer(value):
        if not found[0].startswith(","):
            depth += 1 if found[0] in "([" else -1
        elif not depth:
            if name:
                yield name, value[start : found.start()]
            name, start = found[1] or "", found.end()
        if depth < 0:
            break
    if name:
        yield name, value[start:]


def _also_uniform(body: str, differing: set[str]) -> set[str]:
    """Names of several variables, one of which is the same for all: left out."""
    declared: dict[str, list[_Value]] = {}
    for name, value in _declared(body):
        if name in differing:
            declared.setdefault(name, []).append(_Value.of(_own(value)))
    assignments = _Assignments(body) if declared else None
    for name in {name for names in _BARE.findall(body) for name in _WORD.findall(names)}:
        if name in declared and assignments is not None:
            declared[name] += [_Value.of(_own(text)) for text in assignments.of(name)]
    return {
        name
        for name, values in declared.items()
        if len(values) > 1 and not all(value.differs(differing - {name}) for value in values)
    }


def _declared(body: str) -> Iterator[tuple[str, str]]:
    """Variables, each with what it is first."""
    for match in _DECLARE.finditer(body):
        yield from _each(match[1], match[2])


def _own(value: str) -> str:
    """An assigned expression up to the bracket that closes what it stands in."""
    depth = 0
    for bracket in _ROUND.finditer(value):
        depth += 1 if bracket[0] == "(" else -1
        if depth < 0:
            return value[: bracket.start()]
    return value


class _Span(NamedTuple):
    """What a condition controls. Offsets; `at` is where the condition stands."""

    begin: int
    end: int
    condition: str
    at: int
    decides: str  # the condition, without what cancels out in it
    last: int  # the end of the outermost loop around it: what is given a value behind does not bear


def _controlled(code: CxxCode, start: int, end: int, barriers: Sequence[int]) -> list[_Span]:
    """What each condition of a body controls, where a barrier stands in it."""
    heads = list(_heads(code, start, end, barriers[-1]))
    if not any(head.holds(barriers) for head in heads):
        return []
    body = code.structure[start:end]
    variables = Variables(body, _shared(body))
    loops: list[Loop] = []  # those around, the innermost last
    last = start
    followed = 0
    found: list[_Span] = []
    for head in heads:
        while loops and loops[-1].end <= head.at - start:
            loops.pop()
        if head.word == "for" and head.text.count(";") == 2:
            loops.append(Loop(head.text, variables, head.begin - start, head.end - start))
        if head.at >= last:
            last = head.end if head.word in ("for", "while") else last
        condition = head.condition
        if not condition.strip() or not head.holds(barriers):
            continue
        if head.word == "if" and any(loop.numbers_rounds(condition) for loop in loops):
            continue
        decides = condition
        if (followed := followed + 1) <= _FOLLOWED:
            decides = decided_by(condition, variables, loops[-_NESTED:])
        found.append(
            _Span(head.begin, head.end, condition, head.stands, decides, max(last, head.end))
        )
    return found


class _Head(NamedTuple):
    """A condition and the statement under it. Offsets; an `else` has the condition of its `if`."""

    word: str
    text: str  # in the brackets
    condition: str  # what decides whether, or how often, the statement runs
    at: int
    stands: int  # where the condition stands
    begin: int
    end: int

    def holds(self, offsets: Sequence[int]) -> bool:
        """Whether one of the sorted offsets lies in the statement."""
        return bisect_left(offsets, self.begin) < bisect_left(offsets, self.end)


def _heads(code: CxxCode, start: int, end: int, last_barrier: int) -> Iterator[_Head]:
    """The conditions of a body, in order, up to its last barrier."""
    text = code.structure
    last: dict[int, tuple[str, int]] = {}  # end of a statement -> its condition
    for match in _CONTROL.finditer(text, start, end):
        if match.start() > last_barrier:
            return
        if _WORDLY.match(text, match.start() - 1):
            continue
        word = match[1]
        if word == "else":
            before = match.start()
            while before > start and text[before - 1].isspace():
                before -= 1
            if before not in last:
                continue
            inside, stands = last[before]
            begin = match.end()
        else:
            closing = code.brackets.get(match.end()) if text.startswith("(", match.end()) else None
            if closing is None or closing > end:
                continue
            inside, stands = text[match.end() + 1 : closing], match.start()
            begin = closing + 1
        condition = _loop_condition(inside) if word == "for" else inside
        finish = _statement_end(code, begin, end)
        last[finish] = (condition, stands)
        yield _Head(word, inside, condition, match.start(), stands, begin, finish)


def _loop_condition(header: str) -> str:
    """The condition of a `for`; a range-based one iterates the same for all."""
    parts = header.split(";")
    if len(parts) != 3 or _CONSTANT_BOUND.fullmatch(parts[1]):
        return ""
    return parts[1]


def _statement_end(code: CxxCode, begin: int, end: int) -> int:
    """Where the statement that begins at or after an offset ends."""
    text = code.structure
    while begin < end and text[begin].isspace():
        begin += 1
    if begin < end and text[begin] == "{":
        return code.brackets.get(begin, end) + 1
    found = _STATEMENT.search(text, begin, end)
    while found and found[0] == "(":
        closing = code.brackets.get(found.start(), end)
        found = _STATEMENT.search(text, closing + 1, end) if closing < end else None
    if found is None:
        return end
    if found[0] == "{":
        return code.brackets.get(found.start(), end) + 1
    return found.end()
