"""A package's own check of another one's release: which releases it asks for, and which one it found."""

from __future__ import annotations

import re

from gpufix.explain.explanation import Explanation, without_row
from gpufix.explain.frames import frames
from gpufix.explain.log_scan import LogScan
from gpufix.explain.offered import newest_python
from gpufix.explain.prefilter import normalised_line
from gpufix.explain.releases_with import pip_name
from gpufix.knowledge import name_spans, packages
from gpufix.knowledge.data_table import packed_table
from gpufix.text.names import normalise

_NAME = (
    r"(?<![\w.-])['\"`]?(?P<name>[A-Za-z][A-Za-z0-9_-]{0,60}(?:\.[A-Za-z][\w-]{0,40}){0,3})['\"`]?"
)
_VERSION = r"v?(?P<version>\d{1,4}(?:\.\d{1,4}){1,3}(?:\.?(?:post|rc|a|b|dev)\d+)?)"
_MORE = r"(?P<more>(?:\s?,\s?[<>=!~]=?\s?\d[\d.]*\w*){0,3})"
_BOUND = rf"\s?(?P<op>[<>=~]=|[<>])\s?{_VERSION}{_MORE}"
_SIDE = r"(?P<side>newer|later|higher|greater|above|up|older|lower|earlier|below)"
# A command (`pip install X==2`) says nothing of what is installed.
_WANTED = r"(?<!pip )(?<!pip3 )(?<!conda )(?:requires?|required|needs?|install|upgrade|update|downgrade|use|expects?|supports?)"
_CHECKS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"incompatible version of {_NAME}[^\n]{{0,60}}\s+Found version `?(?P<found>\d[\w.+]*)`?, but only (?:versions )?(?:{_SIDE} |(?P<op>[<>]=?) ?|`?){_VERSION}",
        rf"incompatible version of [^\n]{{2,80}}\s+Found version `?(?P<found>\d[\w.+]*)`?, but expected {_NAME}{_BOUND}",
        rf"(?:incompatible|not compatible) with {_NAME}(?: versions?)?\s?(?P<unlike>[<>]=?)\s?{_VERSION}",
        rf"{_NAME}(?: version)?{_BOUND}['\"`]?,? (?:is |are |was |has to be |must be )?(?:required|needed|expected|not satisfied|requirement)",
        rf"{_WANTED}(?: (?:you to |to |at least |a |the |your |version ){{1,3}}| ){_NAME}(?: version)?{_BOUND}",
        rf"{_WANTED}(?: (?:you to |to |a |the |your ){{1,3}}| ){_NAME}(?: version)?(?: (?:to|at least|of at least|of))? {_VERSION}(?:\+| (?:or|and) {_SIDE})?",
        rf"{_NAME}(?: version)? {_VERSION} or {_SIDE} (?:is |are )?(?:required|needed|installed)",
        rf"{_NAME}(?: version)? (?:must|should|has to|needs to) be (?:at least |(?P<op>[<>=]=|[<>])\s?){_VERSION}{_MORE}",
        rf"(?:minimum|minimal|lowest|oldest) (?:required |supported ){{0,2}}(?:version (?:of |for )?)?{_NAME}(?: version)?(?: is|:) {_VERSION}",
    )
)
_FOUND = re.compile(
    r"(?:but (?:found|got|you have|have)|found|got|installed(?: version)?(?: is)?|current(?: version)?(?: is)?|you have|version)[ :=]{1,3}"
    r"(?:[A-Za-z][\w-]*(?:==|[ =]))?v?(?P<found>\d{1,4}(?:\.\d{1,4}){1,3}\w*(?:\+\w+)?)",
    re.IGNORECASE,
)
_ERROR = re.compile(
    r"\b(?:[A-Z]\w{2,60}(?:Error|Exception)\b|(?i:error|fatal|critical)\b)[^\n]{0,20}:|^\s*raise \w"
)
_UNLIKE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_SIDES = {"older": "<=", "lower": "<=", "earlier": "<=", "below": "<"}
# No packages of pip, though they have versions; python has its own way. In words, not signs, only known packages are taken for one.
_OTHERS = frozenset(
    {"capability", "compute", "cub", "cuda", "cudnn", "driver", "gcc", "glibc", "glibcxx", "libc", "macos", "nccl", "nvcc", "opset", "rocm", "to", "toolkit",
     "version", "versions"}
)  # fmt: skip
_OPTIONAL = re.compile(r"is_\w+_available|incompatible version of", re.IGNORECASE)
_REACH = 6_000  # characters of the end
_LINES = 4


def is_known(name: str) -> bool:
    """Whether a table has a distribution of that name."""
    plain = normalise(name)
    return (
        plain in ("python", "pytorch")
        or plain in packed_table("name_history")["packages"]
        or plain in packages.imported()
        or name_spans.recorded(name.replace("-", "_"))
    )


def checked(found: LogScan) -> Explanation | None:
    """None where the last error names no release that it asks for."""
    text = found.end(_REACH)
    at, message = _last_error(text)
    for check in _CHECKS:
        if wants := check.search(message):
            return _explained(found, wants, text, message, at)
    return None


def _last_error(text: str) -> tuple[int, str]:
    """The last error with the lines that belong to it, and its line from the text's end; a short text is one itself."""
    lines = [normalised_line(line) for line in text.removesuffix("\n").split("\n")]
    marked = [number for number, line in enumerate(lines) if _ERROR.search(line)]
    start = marked[-1] if marked else 0
    if not marked and len(lines) > _LINES:
        return 0, ""
    return len(lines) - start, "\n".join(lines[start : start + _LINES])


def _explained(
    found: LogScan, wants: re.Match[str], text: str, message: str, at: int
) -> Explanation | None:
    name, told = wants["name"], wants.groupdict()
    if name.lower() in _OTHERS or not (
        told.get("op") or told.get("unlike") or told.get("found") or is_known(name)
    ):
        return None
    bound = _bound(told)
    others = (one["found"] for one in _FOUND.finditer(message))
    has = told.get("found") or next((one for one in others if one != wants["version"]), None)
    here = f" (here is {has})" if has else ""
    asker = next(
        (f.package for f in reversed(frames(text)) if f.package and f.package != name), None
    )
    if name.lower() == "python":
        do = f"Use a Python {bound}{here}: `uv venv --python {newest_python(bound)}`; or another release of {asker or 'what asks for it'}."
    else:
        do = f'`pip install "{pip_name(name)}{bound}"`{here}; or a release of {asker or "what asks for it"} that goes with the installed {name}.'
    if _OPTIONAL.search(text):
        do += f" Where nothing else needs it: `pip uninstall {pip_name(name)}`; the check is made only where it is installed."
    return without_row(
        "version-check",
        "cause",
        f"A check of releases refuses the installed {name}.",
        do,
        message.partition("\n")[0],
        line=max(1, found.lines - at + 1),
    )


def _bound(told: dict[str, str | None]) -> str:
    """As pip writes it: ">=0.16.0", "<2,>=1.4"."""
    version, more = told["version"], re.sub(r"\s", "", told.get("more") or "")
    if unlike := told.get("unlike"):
        return f"{_UNLIKE[unlike]}{version}"
    if op := told.get("op"):
        return f"{op}{version}{more}"
    return f"{_SIDES.get((told.get('side') or '').lower(), '>=')}{version}"
