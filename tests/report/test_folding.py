"""Lines break between words only; a command that needs several lines may be copied as it stands."""

from __future__ import annotations

import shlex

import pytest

from gpufix.report.folding import continued, plain

COMMAND = (
    "/opt/envs/a/bin/python -m pip install --force-reinstall --no-deps 'torch==2.13.0+cpu' "
    "--index-url https://download.pytorch.org/whl/cpu 'a name with blanks'"
)


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_a_command_is_the_same_in_the_shell(width: int) -> None:
    lines = continued(COMMAND, "    $ ", width)
    assert all(line.endswith(" \\") for line in lines[:-1])
    typed = "\n".join(lines).replace("    $ ", "", 1).replace("\\\n", "")
    assert shlex.split(typed) == shlex.split(COMMAND)
    words = set(shlex.split(COMMAND))
    for line in lines:
        assert (
            len(line) <= width
            or len(shlex.split(line.strip(" $\\"))) == 1
            or any(word in line for word in words)
        )


@pytest.mark.parametrize("width", [1, 20, 40, 80])
def test_words_are_kept(width: int) -> None:
    text = "torch/lib/libc10.so is missing,  and so is /a/very/long/path/that/no/terminal/holds.so"
    lines = plain(text, width)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width or " " not in line for line in lines)
