"""Variables rendered for others: whatever a value holds, its reader gets that value and runs nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpufix.report.builds import FORMATS, NotExpressible, render

NASTY = [
    "",
    "plain",
    "two words",
    "$HOME ${HOME} $(touch owned) `touch owned`",
    "it's; touch owned #",
    'say "hi" \\ \\\\ \\n',
    "line\nexport EVIL=1\n",
    "\n",
    "gpufix_0\nEVIL<<x\n1\nx",
    "ü 漢 🙂 \t ! * ? ~",
]


def shell(text: str, name: str, program: str = "sh") -> str | None:
    """The value that a program sees after the text was evaluated, None when it is unset."""
    script = f'{text}\nif [ -n "${{{name}+x}}" ]; then printf \'%s\' "${name}"; else exit 9; fi'
    done = subprocess.run(
        [program, "-c", script], capture_output=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert done.returncode in (0, 9), done.stderr
    return done.stdout.decode() if done.returncode == 0 else None


def github(text: str) -> dict[str, str]:
    """As the runner reads $GITHUB_ENV."""
    found, lines = {}, text.split("\n")[:-1]
    while lines:
        name, _, end = lines.pop(0).partition("<<")
        value = []
        while (line := lines.pop(0)) != end:
            value.append(line)
        found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize("value", NASTY)
def test_sh(value: str, tmp_path: Path) -> None:
    text, notes = render({"X": value}, "sh")
    assert shell(text, "X") == value
    assert notes == []


@pytest.mark.parametrize("value", NASTY)
def test_dotenv_as_a_shell_reads_it(value: str) -> None:
    try:
        text, _ = render({"X": value}, "dotenv")
    except NotExpressible:
        assert set(value) & set("'\\$")  # nothing else is refused
        return
    assert shell(text, "X") == value


@pytest.mark.needs("fish")
@pytest.mark.parametrize("value", NASTY)
def test_fish(value: str) -> None:
    text, _ = render({"X": value}, "fish")
    done = subprocess.run(["fish", "-N", "-c", f"{text}\nprintf %s $X"], capture_output=True)
    assert done.stdout.decode() == value


def test_fish_quoting() -> None:
    text, _ = render({"X": "it's \\ $(x)", "Y": None}, "fish")
    assert text == "set -gx X 'it\\'s \\\\ $(x)';\nset -e Y;\n"


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,6}", fullmatch=True), st.text()))
@example({"X": NASTY[8], "Y": NASTY[6]})
@settings(max_examples=200)
def test_github_and_json_give_back_what_was_given(given_: dict[str, str]) -> None:
    given_ = {k: v for k, v in given_.items() if "\0" not in v and "\r" not in v}
    text, _ = render(given_, "github")
    assert github(text) == given_
    assert json.loads(render(given_, "json")[0])["variables"] == given_


@pytest.mark.parametrize("value", NASTY)
def test_conda_exports_it_as_it_is(value: str) -> None:
    """Between single quotes of a shell, which is how conda writes it."""
    try:
        text, _ = render({"X": value}, "conda")
    except NotExpressible:
        assert set(value) & set("'\"`$\\\n")
        return
    assert shell(f"export X='{json.loads(text)['X']}'", "X") == value


def test_unset() -> None:
    assert shell(f"X=1\n{render({'X': None}, 'sh')[0]}", "X") is None
    assert json.loads(render({"X": None}, "json")[0])["variables"] == {"X": None}
    for name in ("github", "dotenv"):
        text, notes = render({"X": None}, name)
        assert "X" in text and "cannot be unset" in notes[0]


def test_github_s_own_names_are_left_out() -> None:
    text, notes = render({"GITHUB_TOKEN": "x", "NODE_OPTIONS": "y"}, "github")
    assert text == "" and len(notes) == 2


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("variables", [{"A B": "1"}, {"X;Y": "1"}, {"": "1"}, {"X": "a\0b"}])
def test_refused(format: str, variables: dict[str, str]) -> None:
    with pytest.raises(NotExpressible):
        render(variables, format)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_variables_give_the_same_text(format: str) -> None:
    one = {"B": "2", "A": "x y", "C": None}
    other = dict(reversed(one.items()))
    assert render(one, format) == render(other, format)


def test_an_unquoted_eval_of_several() -> None:
    text, _ = render({"A": "1", "B": None, "C": "x y"}, "sh")
    done = subprocess.run(
        ["sh", "-c", 'eval $1; printf "%s|%s|%s" "$A" "${B-none}" "$C"', "sh", text],
        capture_output=True,
        text=True,
        env={"B": "0", "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout == "1|none|x y"
