"""What people read is plain English: no archaic words, no sentence of the pages over 30 words.

Strings of the program, the pages of rules and fixes, messages that `explain` knows, docs and README.
"""

from __future__ import annotations

import ast
import json
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


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module but for docstrings that only its readers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and not is_page(node):
            inner.add(id(body[0].value))
    for node in ast.walk(tree):
        said = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if said and id(node) not in inner and " " in str(node.value):  # else it is a name
            yield node.lineno, str(node.value)


def modules() -> list[Path]:
    return [p for p in sorted(SOURCE.rglob("*.py")) if "payload" not in p.parts]


def test_the_program_speaks_plain_english() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in modules()
        for line, text in strings(path)
        for word in archaic(text)
    ]
    assert found == []


def test_explanations_are_plain_english() -> None:
    def said(value: object, key: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from said(inner, name)
        elif isinstance(value, list):
            for inner in value:
                yield from said(inner, key)
        elif isinstance(value, str) and key in ("what", "do"):
            yield value

    files = sorted((SOURCE / "knowledge" / "data" / "messages").glob("*.json"))
    found = [
        f"{path.name}: {word}: {text[:80]}"
        for path in files
        for text in said(json.loads(path.read_text("utf-8")))
        for word in archaic(text)
    ]
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
