"""Markdown: readable, bounded, and nothing of what it quotes becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hostile import PAYLOADS, TEXTS, diagnosis
from hypothesis import example, given
from markdown_it import MarkdownIt

from gpufix.model import Diagnosis, Finding, PatientSummary, Severity, Summary
from gpufix.report import markdown

GFM = MarkdownIt("gfm-like", {"linkify": False, "html": True})
ALLOWED = {"h2", "h3", "p", "strong", "em", "pre", "code", "details", "summary", "ul", "li", "span"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.setdefault(self.tags[-1] if self.tags else "", []).append(data)


def rendered(text: str) -> Tags:
    tags = Tags()
    tags.feed(GFM.render(text))
    return tags


@given(TEXTS)
@example(" ")
def test_hostile_text_stays_text(text: str) -> None:
    made = markdown.render(diagnosis(text))
    plain = rendered(markdown.render(diagnosis("plain")))
    tags = rendered(made)
    assert set(tags.tags) <= ALLOWED
    for name in ("h2", "h3", "details", "summary", "strong", "em", "li"):
        assert tags.tags.count(name) == plain.tags.count(name), name
    assert tags.tags.count("pre") == 2 + len(tags.attributes)  # evidence, gaps, and the command
    assert set(tags.attributes) <= {("class", "language-sh")}
    assert len(made) < markdown._LIMIT


@pytest.mark.parametrize("text", [p for p in PAYLOADS if "@" in p or "evil" in p])
def test_nothing_is_linked_or_mentioned_in_prose(text: str) -> None:
    """Forges link bare addresses, names after @ and numbers after #, but not in code."""
    prose = GFM.render(markdown.render(diagnosis(text)).partition("**fix")[0])
    parts = prose.replace(markdown._BREAK, "\0")
    for mark in ("@", "#"):
        assert all(rest[:1] in ("", "\0", "6") for rest in parts.split(mark)[1:]), mark
    source = markdown.render(diagnosis(text)).partition("**fix")[0]
    assert not re.search(r"(?<!\\)://|www\.", source)


def test_a_finding_reads_well() -> None:
    below = Finding(
        code="SYM402", name="missing-library", severity=Severity.error, subject="x", message="Gone."
    )
    made = markdown.render(
        replace(
            diagnosis("torch"),
            findings=[replace(diagnosis("torch").findings[0], consequences=[below])],
        )
    )
    assert "### ❌ error WHL503 files-missing · torch" in made
    assert "- so: **SYM402** x: Gone." in made
    assert "**fix (safe)**: torch\n\n```sh\ntorch\n```" in made
    assert "<details><summary>evidence (2)</summary>" in made


def test_a_clean_report() -> None:
    made = Diagnosis(
        gpufix_version="1",
        patient=PatientSummary(python="3.12.1", torch="torch 2.9.0+cu128", platform="Linux x86_64"),
        summary=Summary(verdict="clean", accepted=2),
    )
    assert markdown.render(made) == (
        "## gpufix: ✅ clean: 2 accepted\n\n"
        "Python 3.12.1 · torch 2.9.0+cu128 · Linux x86\\_64 · no GPU target\n"
    )


def test_a_long_report_fits_into_a_comment() -> None:
    one = diagnosis("a long message " * 100).findings[0]
    made = replace(diagnosis("x"), findings=[one] * 200)
    text = markdown.render(made)
    assert len(text) < 65_536
    assert "more: too long for here" in text.splitlines()[-1]
    assert set(rendered(text).tags) <= ALLOWED
