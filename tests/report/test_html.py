"""The HTML report as a file: whole, escaped, self-contained, readable by everybody."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest
from hostile import EVIL, TEXTS
from hypothesis import example, given
from pages import content, page

from gpufix.model import Diagnosis, PatientSummary, Summary
from gpufix.model.smoke_result import DeviceRow
from gpufix.report.html import Content, render
from gpufix.report.html.benchmark import Point, figure
from gpufix.report.html.markup import tag

STYLE = files("gpufix.report.html").joinpath("style.css").read_text(encoding="utf-8")
SCRIPT = files("gpufix.report.html").joinpath("sort.js").read_text(encoding="utf-8")
_VOID = {"meta", "br", "hr"}


class Reader(HTMLParser):
    """Elements in order with their attributes, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.elements]


BENIGN = Reader(page("plain"))


def clean_diagnosis() -> Diagnosis:
    summary = Summary(verdict="clean")
    return Diagnosis(gpufix_version="0", patient=PatientSummary(), summary=summary)


@given(TEXTS)
@example("torch ")
def test_no_text_becomes_markup(text: str) -> None:
    read = Reader(page(text or "x"))
    extra = {"p", "span", "pre", "code"}  # lines of a diff, a command that is empty
    mine = [n for n in read.names if n not in extra]
    assert mine == [n for n in BENIGN.names if n not in extra]
    for name, attributes in read.elements:
        assert name not in ("img", "iframe", "object", "link", "base", "form")
        assert name != "script" or not attributes, "only gpufix's own, which is inline"
        assert not any(key.startswith("on") or key in ("src", "style") for key in attributes)
        assert (attributes.get("href") or "#").startswith("#")


def test_hostile_text_is_shown_as_it_is() -> None:
    assert "\\x1b[31mred" in Reader(page(EVIL)).text and "\x1b" not in page(EVIL)


def test_nothing_is_loaded() -> None:
    policy = next(a["content"] for n, a in BENIGN.elements if "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert policy and policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")
    assert page("x").count("<script>") == 1
    assert "url(" not in STYLE and "@import" not in STYLE


def test_headings_are_in_order_and_sections_are_reached() -> None:
    levels = [int(n[1]) for n in BENIGN.names if re.fullmatch(r"h[1-6]", n)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [a["id"] for _, a in BENIGN.elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = [(a["href"] or "")[1:] for n, a in BENIGN.elements if n == "a"]
    assert set(links) <= set(ids) and {"findings", "coverage", "plan", "smoke", "gaps"} <= set(
        links
    )


def test_tables_and_landmarks_speak() -> None:
    assert all(a.get("scope") for n, a in BENIGN.elements if n == "th")
    assert {"header", "main", "nav", "footer"} <= set(BENIGN.names)
    assert next(a for n, a in BENIGN.elements if n == "html")["lang"] == "en"
    drawing = next(a for n, a in BENIGN.elements if n == "svg")
    assert drawing["role"] == "img" and drawing["aria-label"]


def test_colour_is_never_alone() -> None:
    """Every cell of the matrix and every finding has a word."""
    for word in ("native", "by JIT", "no code", "unknown", "PTX too new", "error"):
        assert word in Reader(page("plain", rows=5)).text


def test_of_many_libraries_those_that_are_well_are_folded() -> None:
    many = Reader(page("lib", rows=60))
    assert "12 more, served by machine code everywhere" in many.text
    assert many.text.index("no code") < many.text.index("12 more")


def test_a_clean_report_is_short() -> None:
    read = Reader(render(Content(clean_diagnosis())))
    assert "Clean" in read.text and "nav" not in read.names and "table" not in read.names


def test_sections_without_content_are_left_out() -> None:
    whole = content("x")
    bare = Content(whole.diagnosis, whole.matrix)
    ids = [a.get("id") for _, a in Reader(render(bare)).elements]
    assert "coverage" in ids and "plan" not in ids and "smoke" not in ids


@pytest.mark.parametrize(
    ("bandwidth", "points", "drawn"),
    [
        (None, [Point("a", "b", 1, 1e9)], False),
        (1e12, [], False),
        (1e12, [Point("a", "b", 1e-9, 1.0), Point("c", "d", 1e9, 1e18)], True),
    ],
)
def test_a_roofline_needs_a_roof_and_points(
    bandwidth: float | None, points: list[Point], drawn: bool
) -> None:
    drawing = figure(DeviceRow(target="sm_90", ordinal=0, bandwidth=bandwidth, fp32=1e13), points)
    assert (drawing is not None) == drawn
    for x in re.findall(r'c[xy]="([-\d.]+)"', drawing or ""):
        assert 0 <= float(x) <= 720


def test_attributes_are_escaped() -> None:
    assert tag("a", "<b>", title='"><x') == '<a title="&quot;&gt;&lt;x">&lt;b&gt;</a>'


def _variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", block))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _schemes() -> Iterator[tuple[str, dict[str, str]]]:
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")
    yield "light", _variables(light)
    yield "dark", _variables(dark.split("* {")[0])


@pytest.mark.parametrize(("scheme", "colours"), list(_schemes()))
def test_text_stands_out_in_both_schemes(scheme: str, colours: dict[str, str]) -> None:
    """WCAG 2.1, 1.4.3: 4.5 to 1."""
    for ink in ("text", "soft", "error", "warning", "advice", "ok"):
        for paper in ("page", "card", "code"):
            assert _contrast(colours[ink], colours[paper]) >= 4.5, (scheme, ink, paper)
    assert _contrast(colours["card"], colours["advice"]) >= 4.5
