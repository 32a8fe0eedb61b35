"""Untrusted text cannot act on a terminal, on Rich markup, or on a workflow runner."""

from __future__ import annotations

import io
import json

import pytest
from hostile import EVIL, diagnosis
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gpufix.report import github, terminal
from gpufix.report import json as json_report
from gpufix.text.clean import clean


def shown(text: str, width: int = 80) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=False)
    terminal.show(diagnosis(text, command=""), console, True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("für 東京", "für 東京"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb", "a\\x0ab"),
        ("\u202e", "\\u202e"),
        ("\U000e0001", "\\U000e0001"),
        ("\ud800", "\\ud800"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text())
def test_cleaned_text_is_printable(text: str) -> None:
    assert clean(text).isprintable()


def test_the_terminal_shows_escapes_and_markup_as_text() -> None:
    out = shown(EVIL, width=400)
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "\u202e" not in out
    assert "[bold]markup[/bold]" in out


def test_no_workflow_command_can_be_injected() -> None:
    lines = github.render(diagnosis(EVIL)).splitlines()
    assert [line.partition(" ")[0] for line in lines if line.startswith("::")] == [
        "::error",
        "::notice",
    ]
    assert not any(line.startswith("::error::injected") for line in lines)


@pytest.mark.parametrize("width", [40, 41, 42, 80])
def test_no_fold_of_the_text_report_makes_a_workflow_command(width: int) -> None:
    for text in (
        "::error::x",
        "a " * 18 + "::set-env name=A::b " * 9,
        "##[error]x",
        "a ##[group]x",
    ):
        for line in shown(text, width).splitlines():
            assert not line.lstrip().startswith("::"), line
            assert "##[" not in line


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_github_annotations_stay_one_line_each(text: str) -> None:
    assert len(github.render(diagnosis(text)).split("\n")) == 4


def test_the_last_line_for_github_counts_what_there_is() -> None:
    last = github.render(diagnosis("x")).splitlines()[-1]
    assert last.startswith("gpufix: faults: 1 error") and ", ," not in last


def test_json_is_ascii_and_complete() -> None:
    text = json_report.render(diagnosis(EVIL))
    assert text.isascii()
    data = json.loads(text)
    assert list(data) == [
        "schema_version",
        "gpufix_version",
        "patient",
        "targets",
        "findings",
        "gaps",
        "not_judged",
        "summary",
    ]
    assert set(data["findings"][0]) >= {
        "code",
        "name",
        "severity",
        "subject",
        "message",
        "evidence",
        "consequences",
        "fixes",
    }
    assert data["findings"][0]["message"] == EVIL


COMMANDS = ("    $ ", "next:  ", "about: ")  # never folded: they are copied
LONG = "/opt/envs/a/lib/python3.11/site-packages/nvidia/cuda_runtime/lib/libcudart.so.12"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_word_or_path_is_broken(width: int) -> None:
    lines = shown(f"the file {LONG} is missing, and libcublas.so.12 as well", width).splitlines()
    assert any(
        line.strip(" │") == LONG or f" {LONG} " in line or line.endswith(LONG) for line in lines
    )
    words = {word for line in lines for word in line.split()}
    assert {"libcublas.so.12", "missing,"} <= words


@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_stays_within_the_width(width: int) -> None:
    text = "a fairly long message about libnccl.so.2 that has to be folded at the edge " * 3
    lines = [line for line in shown(text, width).splitlines() if not line.startswith(COMMANDS)]
    assert max(map(len, lines)) <= width


def test_a_terminal_without_utf8_gets_ascii_marks() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    terminal.show(diagnosis("x"), Console(file=out, width=80))
    out.flush()
    assert b"x error WHL503" in raw.getvalue()
