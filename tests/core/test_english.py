"""What people read is plain English: no archaic words, no sentence of the pages over 30 words.

Strings of the program, the pages of rules and fixes, messages that `explain` knows, docs and README.
"""

from __future__ import annotations

import ast
import json
import lzma
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "gpufix"
LONGEST = 30  # words
WORDS = re.compile(
    r"\b(mend(?:s|ed|ing)?|told|hence|whence|thence|thereof|whereof|therein|wherein|thereupon|hereby|herein"
    r"|albeit|lest|alone|anew|at hand|in vain|for want of|of its own accord|in no place|carr(?:y|ies|ied) out"
    r"|put back|puts back)\b",
    re.IGNORECASE,
)
# "stands alone", "reported alone": by itself, not only.
MEANT = re.compile(r"\b(stands?|reported|run|runs|it|again) alone\b", re.IGNORECASE)
# Histories: what was written then stays as it was written.
HISTORY = ("decisions.md", "clinic.md", "CHANGELOG.md")
# Records of measurements: a sentence lists what was run on what, and may be long.
RECORDS = ("accuracy.md", "fallbacks.md", "field-runs.md", "kernels.md", "symbol-history.md")
PAGES = [
    *sorted(p for p in (ROOT / "docs").glob("*.md") if p.name not in HISTORY),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
]


def archaic(text: str) -> list[str]:
    return [found[0] for found in WORDS.finditer(MEANT.sub("", text))]


def is_page(node: ast.AST) -> bool:
    """Whether a docstring is a page that users read: of a rule or a fix."""
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(d, ast.Call) and getattr(d.func, "id", "") in ("rule", "fix", "page")
        for d in node.decorator_list
    )


def docstrings(nodes: list[ast.AST]) -> set[int]:
    """The ids of those that only a module's readers see."""
    inner = set()
    for node in nodes:
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and not is_page(node):
            inner.add(id(body[0].value))
    return inner


def strings(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """The strings of a module but for docstrings that only its readers see."""
    inner = docstrings(nodes)
    for node in nodes:
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if " " in text and id(node) not in inner:  # else it is a name
            yield node.lineno, text


# Of the data, what nobody is shown, or what others have written: matched texts, code, addresses of sources.
NOT_SHOWN = {"texts", "identity", "vote", "unless", "near"}
PROSE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z`]{2,}")


def data_strings() -> Iterator[tuple[str, str]]:
    """Every text of the shipped tables with where it stands; notes of sources that no report quotes apart."""

    def inside(value: object, key: str) -> Iterator[str]:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name not in NOT_SHOWN and not (name == "sources" and isinstance(inner, dict)):
                    yield from inside(inner, name)
        elif isinstance(value, list):
            for inner in value:
                yield from inside(inner, key)
        elif isinstance(value, str) and PROSE.search(value) and key not in ("source", "sources"):
            yield value

    folder = SOURCE / "knowledge" / "data"
    for path in sorted((*folder.rglob("*.json"), folder / "messages.json.xz")):
        data = path.read_bytes()
        held = json.loads(lzma.decompress(data) if path.suffix == ".xz" else data)
        yield from ((path.name, text) for text in inside(held, ""))
        if path.name == "conflicts.json":  # a finding shows where its conflict is known from
            yield from ((path.name, row["source"]) for row in held["conflicts"])


def test_the_tables_are_plain_english() -> None:
    texts = list(data_strings())
    assert len(texts) > 700
    found = [(name, why, text[:80]) for name, text in texts for why in faults(text)]
    assert found == []


def faults(text: str) -> list[str]:
    """The archaic words and the sentences that are too long."""
    return [*archaic(text), *(f"{sentence[:60]} …" for sentence in too_long(text))]


# Strings that are no sentences: programs, a style sheet, the rows of the first screen.
PROGRAMS = ("cli/pages.py", "fleet/launch.py", "fleet/smoke/node.py", "fleet/smoke/packed.py", "fleet/pack.py", "report/fleet/page.py", "source/edits.py",
            "source/cxx/hip.py", "facts/python/environment.py", "binary/gpucode/amdgpu.py")  # fmt: skip


def said(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """The texts of a module, an f-string whole, each value a word; no expressions, no rows of names."""
    skipped = docstrings(nodes)
    for node in nodes:
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _is_expression(node)):
            skipped.update(id(inner) for inner in ast.walk(node) if inner is not node)
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "VALUE" for p in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in skipped:
                yield node.lineno, node.value


def _is_expression(call: ast.Call) -> bool:
    return getattr(call.func, "attr", getattr(call.func, "id", "")) in ("compile", "split")


def test_the_program_speaks_plain_english() -> None:
    found, number = [], 0
    for path in sorted(SOURCE.rglob("*.py")):
        if "payload" in path.parts:
            continue
        nodes, place = list(ast.walk(ast.parse(path.read_text("utf-8")))), path.relative_to(ROOT)
        found += [
            f"{place}:{line}: {word}" for line, text in strings(nodes) for word in archaic(text)
        ]
        if not path.as_posix().endswith(PROGRAMS):
            texts = [
                (line, text) for line, text in said(nodes) if "(?" not in text
            ]  # an expression
            found += [f"{place}:{line}: {long}" for line, text in texts for long in too_long(text)]
            number += len(texts)
    assert number > 20_000
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_pages_are_plain_english(page: Path) -> None:
    assert archaic(page.read_text("utf-8")) == []


def sentences(text: str) -> Iterator[str]:
    """Of the running text: without code, tables, headings, pictures and addresses."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    text = re.sub(r"^---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)", "]", text)
    text = re.sub(r"`[^`]*`", "code", text).replace("**", "")
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*|#>]|\s*\d+\. )", text):
        lines = paragraph.strip()
        if not lines or lines[0] in "#|" or paragraph.startswith("    "):
            continue
        plain = re.sub(r"\s+", " ", lines.lstrip("-*>0123456789. "))
        yield from re.split(r"(?<=[.!?])\s+", plain)


def too_long(text: str) -> list[str]:
    return [s for s in sentences(text) if len(re.findall(r"[\w’'./+-]+", s)) > LONGEST]


def test_a_long_sentence_is_seen() -> None:
    assert too_long("One " + "word " * LONGEST + "more. Short.") != []
    assert too_long("# T\n\nShort. `a b c` is code.\n\n| a | b |\n") == []


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in RECORDS], ids=lambda p: p.name)
def test_no_sentence_of_a_page_is_too_long(page: Path) -> None:
    assert too_long(page.read_text("utf-8")) == []


@pytest.mark.parametrize("folder", ["rules", "fixes"])
def test_no_sentence_of_the_catalogue_is_too_long(folder: str) -> None:
    pages = sorted((ROOT / "docs" / folder).glob("*.md"))
    assert {p.name: long for p in pages if (long := too_long(p.read_text("utf-8")))} == {}
