"""What is printed to be parsed or copied holds no character that acts on a terminal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from hostile import diagnosis
from hypothesis import given
from hypothesis import strategies as st

from gpufix.diagnosis import baseline
from gpufix.fixes.commands import commands
from gpufix.model import (
    Build,
    Diagnosis,
    Facts,
    Host,
    InitSubmodules,
    Install,
    Remove,
    SetVariables,
    Step,
)
from gpufix.report import json as json_report
from gpufix.report import sarif
from gpufix.text.json_output import dumps
from gpufix.text.shell import join, quote

# C0 and DEL, C1, line and paragraph separators, bidi controls, tags.
ACTING = (
    "".join(map(chr, [*range(1, 32), *range(127, 160)]))
    + "\u2028\u2029\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    + "\U000e0041\ufeff"
)
FACTS = Facts(host=Host(os="Linux", kernel="6", machine="x86_64"))


@pytest.mark.parametrize(
    "render",
    [
        json_report.render,
        lambda found: sarif.render(found, "/x", None),
        lambda found: baseline.render(baseline.of(found)),
        lambda found: dumps([ACTING]),
    ],
)
def test_json_is_printable(render: Callable[[Diagnosis], str]) -> None:
    text = render(diagnosis(f"a{ACTING}b"))
    assert all(line.isprintable() and line.isascii() for line in text.split("\n"))
    json.loads(text)


@given(st.text())
def test_json_says_the_same(text: str) -> None:
    assert json.loads(dumps({text: [text]})) == {text: [text]}


@pytest.mark.parametrize(
    ("word", "quoted"),
    [
        ("torch", "torch"),
        ("a b", "'a b'"),
        ("it's", "'it'\"'\"'s'"),
        ("für", "'für'"),
        ("a\nb", "$'a\\x0ab'"),
        ("\u202e'\\", "$'\\xe2\\x80\\xae\\x27\\x5c'"),
    ],
)
def test_quoting(word: str, quoted: str) -> None:
    assert quote(word) == quoted


def test_a_shell_reads_the_word_that_was_quoted() -> None:
    words = [f"a{char}1" for char in ACTING] + ["", "a b", "$x", "`x`", "!x", "\\", "'", '"']
    script = f"printf '%s\\0' {join(words)}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words


@pytest.mark.parametrize(
    "step",
    [
        Install(install=[f"x==1{ACTING}rm"]),
        Install(uninstall=[f"x{ACTING}"]),
        Remove(path=f"/a{ACTING}/b"),
        Build(path=f"/a{ACTING}", environment={"A": ACTING}),
        InitSubmodules(root=f"/a{ACTING}", paths=[ACTING]),
        SetVariables(variables={"A": ACTING}),
    ],
    ids=lambda step: type(step).__name__,
)
def test_a_command_is_one_printable_line(step: Step) -> None:
    for line in commands(step, FACTS):
        assert line.isprintable()
