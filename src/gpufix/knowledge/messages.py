"""The catalogue of error messages, and their patterns.

A text is the message's own words. Case, the amount of blank space and the kind of quotation marks may
vary; it may start and end within a line, but not within a word (`^` and `$` tie it to the line's ends). In
braces stands what varies: `{version}` is one of KINDS and is kept under that name, `{have:version}` under
another, `{a|b}` is a choice, `{*}` up to 160 characters that begin with none of a word, `{.}` the end of
a word.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

from gpufix.frozen import Frozen
from gpufix.knowledge.data_table import packed_table

KINDS = {
    "arch": r"(?:sm|compute|gfx)_?[0-9a-f]{1,6}[a-z]?",
    "code": r"[\w.\-]{1,60}",
    "header_file": r"[\w./\\+\-]{1,160}?(?:\.(?:h|hpp|cuh|hh|inl|inc|hxx)|/[a-z_]{1,60})",
    "line": r".{1,300}",
    "module": r"[A-Za-z_][\w.]{0,120}",
    "name": r"[\w.\-]{1,120}",
    "number": r"\d{1,12}",
    "path": r"[^\s'\"`,;]{1,400}",
    "pin": r"[A-Za-z0-9][\w.\-\[\]]{0,80}\s?(?:==|<=|>=|~=|!=|<|>)\s?[\d][\w.*,<>=!]{0,60}",
    "release": r"\d{1,6}(?:\.\d{1,6}){1,3}",
    "requirement": r"[A-Za-z0-9][\w.\-\[\]<>=!~+,*]{0,120}",
    "size": r"[\d.]{1,20}\s?[KMGT]i?B",
    "soname": r"[\w.+\-]{1,120}?\.so(?:\.\d{1,6}){0,4}",
    "symbol": r"[A-Za-z_][\w.$@]{1,2000}",
    "symver": r"(?:GLIBC|GLIBCXX|CXXABI|GCC|LIBSTDC\+\+|GFORTRAN|GOMP)_[\w.]{1,30}",
    "version": r"v?\d{1,6}(?:\.\d{1,6}){0,4}[\w+.\-]{0,30}",
    "word": r"[^\s'\"`,;:()]{1,200}",
}
LONGEST = 4096  # characters of a text that is matched
_QUOTE = "['\"`´‘’“”]{0,3}"
_TOKEN = re.compile(r"\{([^{}]*)\}|(:?\s+)|(['`\"])|(.)", re.DOTALL)
_COLON = r"\s?[:：]"
_SPACE = r"\s{1,40}"
_SKIP = r"(?:(?![A-Za-z0-9]).{0,160}?(?:(?<![A-Za-z0-9])|(?![A-Za-z0-9])))?"


class BadText(ValueError):
    """A text that is not in the language."""


@cache
def compiled(text: str) -> re.Pattern[str]:
    """The regex of a text. Raises BadText."""
    if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", text)):
        raise BadText(f"a brace is left over in {text!r}")
    body = text.removeprefix("^").removesuffix("$")
    parts = [_part(token) for token in _TOKEN.finditer(body)]
    # A word must not begin in the middle of another: "error 2" is not in "terror 2".
    front = "^" if text.startswith("^") else r"(?<![A-Za-z0-9])" if _begins_a_word(body) else ""
    end = "$" if text.endswith("$") else r"(?![A-Za-z])" if body[-1:].isalpha() else ""
    return re.compile(front + "".join(parts) + end, re.IGNORECASE)


def _begins_a_word(text: str) -> bool:
    """Whether a text starts with a letter, a digit, or a choice or capture of them."""
    return text[:1].isalnum() or (text.startswith("{") and not text.startswith(("{*}", "{|")))


def pieces(text: str) -> tuple[bytes, ...]:
    """Lower-case pieces that every match contains, longest first: a cheap test before the regex."""
    plain = re.sub(r"\{[^{}]*\}|[^\w]", " ", text)
    # Bytes are lowered as ASCII: a word of another script counts as it stands.
    found = {word.encode().lower() for word in plain.split() if len(word.encode()) > 2}
    return tuple(sorted(found, key=lambda w: (-len(w), w)))


def choices(text: str) -> tuple[tuple[bytes, ...], ...]:
    """For each choice that every match makes: its lower-case alternatives."""
    groups = [inside.lower().split("|") for inside in re.findall(r"\{([^{}]*\|[^{}]*)\}", text)]
    return tuple(
        tuple(alternative.strip().encode() for alternative in group)
        for group in groups
        if all(re.fullmatch(r"\s?[\w.\-]{2,}", alternative) for alternative in group)
    )


def whole_words(text: str) -> list[str]:
    """Lower-case runs of letters that stand alone in every match."""
    marked = re.sub(r"\{[^{}]*\}", lambda m: " " if m[0] in ("{.}", "{*}") else "\0", text)
    return [m.lower() for m in re.findall(r"(?<![A-Za-z\0])[A-Za-z]{2,}(?![A-Za-z\0])", marked)]


def _part(token: re.Match[str]) -> str:
    inside, blank, quote, other = token.groups()
    if blank:
        return _COLON + r"\s{0,40}" if blank.startswith(":") else _SPACE
    if quote:
        return _QUOTE
    if other == ":":
        return _COLON
    if other:
        return re.escape(other)
    if inside == "*":
        return _SKIP
    if inside == ".":
        return r"(?![A-Za-z0-9_])"
    if "|" in inside:
        return "(?:" + "|".join(_literal(choice) for choice in inside.split("|")) + ")"
    name, _, kind = inside.partition(":")
    if (kind or name) not in KINDS:
        raise BadText(f"{{{inside}}} is no kind of {', '.join(KINDS)}")
    return f"(?P<{name}>{KINDS[kind or name]})"


def _literal(text: str) -> str:
    return "".join(_part(token) for token in _TOKEN.finditer(text))


FILES = (
    "rocm",
    "cuda",
    "driver",
    "memory",
    "loader",
    "abi",
    "compile",
    "toolkit",
    "extension",
    "torch",
    "source",
    "installing",
    "packages",
    "python",
    "libraries",
    "backends",
    "distributed",
    "servers",
    "training",
    "engines",
)

# cause: says what is wrong. symptom: something failed, the reason may stand elsewhere. notice: a
# warning, true by itself. unknown: an error of which no more is known than what it says. wrapper:
# only says that something before it failed.
Role = Literal["cause", "symptom", "unknown", "notice", "wrapper"]


class Message(Frozen):
    """One known message. `rule` None: explained without a rule of the catalogue.

    `texts` are in the language that this module describes; `near` holds texts of which one must stand within
    some kilobytes, `unless` such that none may. `refine` names the code that looks closer.
    """

    id: str
    texts: tuple[str, ...]
    rule: str | None
    what: str
    do: str
    source: str
    role: Role = "cause"
    versions: str | None = None
    near: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    refine: str | None = None
    cuda: tuple[int, ...] = ()  # error numbers of CUDA that say the same


@cache
def messages() -> tuple[Message, ...]:
    """Every known message; of two that match one place the earlier decides."""
    known: list[Message] = []
    for name in FILES:
        loaded = packed_table("messages")[name]
        sources = loaded["sources"]
        known += [_message(row, sources) for row in loaded["messages"]]
    return (*known, _other_cuda(known))


def message_of(id: str) -> Message:
    """The message of a row that code names. Raises StopIteration."""
    return next(message for message in messages() if message.id == id)


def _message(row: dict[str, Any], sources: dict[str, str]) -> Message:
    return Message(
        id=row["id"],
        texts=tuple(row["texts"]),
        rule=row["rule"],
        what=row["what"],
        do=row["do"],
        source=sources[row["source"]],
        role=row.get("role", "cause"),
        versions=row.get("versions"),
        near=tuple(row.get("near", ())),
        unless=tuple(row.get("unless", ())),
        refine=row.get("refine"),
        cuda=tuple(row.get("cuda", ())),
    )


@cache
def cuda_errors() -> dict[int, tuple[str, str]]:
    """CUDA's error numbers: (name, text), as cudaGetErrorName and cudaGetErrorString give them."""
    rows = packed_table("messages")["cuda_errors"]["errors"]
    return {int(number): (row[0], row[1]) for number, row in rows.items()}


def _other_cuda(known: list[Message]) -> Message:
    """CUDA's errors that have no row of their own, and all of them by number."""
    explained = {number for message in known for number in message.cuda}
    others = [
        pair for number, pair in cuda_errors().items() if number not in explained and number > 0
    ]
    return Message(
        id="cuda-other",
        texts=(
            "cuda error {(|}{number}",
            "cuda error: {|code |code=}{number}",
            "cuda error code{:|=|: |= | = | }{number}",
            "cuda failure {number}",
            "cuda failure: {number}",
            "cuda runtime error {(|}{number}",
            "cuda driver error {(|}{number}",
            "cuda error at {path}:{row:number}",
            "code={number}(cudaError{name})",
            *(f"{name}{{.}}" for name, _ in others),
            *(f"cuda error: {string}" for _, string in others),
        ),
        rule=None,
        what="A CUDA call failed.",
        do="Set CUDA_LAUNCH_BLOCKING=1 to learn which call it was; compute-sanitizer shows faults "
        "inside kernels.",
        source=packed_table("messages")["cuda_errors"]["source"],
        role="symptom",
        refine="cuda-code",
    )
