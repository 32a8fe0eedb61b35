"""docs/sessions.md: each broken environment is made, and what the page shows is what is printed.

From "my environment is broken" to "repaired and proven" in two commands: the second one is the last
line of the first one's report. GPUFIX_UPDATE_GOLDENS=1 writes the page's outputs anew.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest
from scenes import SCENES

import gpufix

PAGE = Path(__file__).parents[2] / "docs" / "sessions.md"
_BLOCK = re.compile(r'^```console title="(\w+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_SAYS = OutputChecker()
NEEDS = {
    "nccl": ["gcc", "Python.h", "setuptools", "package index"],
    "gradio": ["package index"],
    "torchvision": ["torch", "numpy", "package index"],
    "deleted": ["torch", "numpy"],
    "sm_90": ["nvcc", "Python.h", "setuptools"],
    "gencode": ["nvcc of CUDA 13", "g++", "Python.h", "setuptools", "ninja", "package index"],
    "tutorial": ["g++", "Python.h", "torch", "ninja", "setuptools"],
    "uv": ["uv", "numpy"],
}


def sessions() -> dict[str, list[tuple[str, str]]]:
    """Of each scene the commands, with the output that the page shows."""
    found = {}
    for name, body in _BLOCK.findall(PAGE.read_text("utf-8")):
        parts = [part.partition("\n") for part in re.split(r"^\$ ", body, flags=re.M)[1:]]
        found[name] = [(command, output) for command, _, output in parts]
    return found


def test_the_page_has_all_eight_and_each_is_repaired_and_proven() -> None:
    shown = sessions()
    assert list(shown) == list(SCENES) == list(NEEDS)
    for name, rows in shown.items():
        (doctor, said), (fix, repaired) = [r for r in rows if r[0].startswith("gpufix ")][:2]
        assert doctor.startswith("gpufix doctor"), name
        assert said.rstrip().splitlines()[-1].removeprefix("next:").strip() == fix, name
        assert "✓ applied" in repaired, name
        assert re.search(r"✓ proven \w+ imports", repaired), name


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody's terminal, with this gpufix on its PATH."""
    bin_, home = tmp_path / "bin", tmp_path / "home"
    bin_.mkdir()
    home.mkdir()
    source = Path(str(gpufix.__file__)).parents[1]
    program = f'#!/bin/sh\nPYTHONPATH="{source}" exec "{sys.executable}" -m gpufix "$@"\n'
    (bin_ / "gpufix").write_text(program)
    (bin_ / "gpufix").chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "CUDA_"))}
    own = str(Path(sys.executable).parent)  # whose uv is no part of these environments
    path = [str(bin_), *(p for p in os.environ["PATH"].split(":") if p != own)]
    return {**kept, "PATH": ":".join(path), "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "80"}


def told(output: str, folder: Path) -> str:
    """The output as a page shows it: what differs from one machine and run to another left out."""
    text = output.replace(str(folder), "~/demo")
    text = re.sub(r"^gpufix: .*\n", "", text, flags=re.M)
    text = re.sub(r"Python 3\.\d+\.\d+ \(", "Python … (", text)
    text = re.sub(r"python3\.\d+|cpython-3\d+-x86_64-linux-gnu", lambda m: _ANY[m[0][:3]], text)
    text = re.sub(r"[\d.]+ s, [\d.]+ MiB kept for: .*", "… s, … MiB kept for: gpufix undo …", text)
    return re.sub(r"Linux \w+", "Linux …", text)


_ANY = {"pyt": "python…", "cpy": "cpython-…"}


def replayed(name: str, folder: Path, shell: dict[str, str]) -> list[tuple[str, str]]:
    """Each command with what it prints now."""
    folder.mkdir()
    env = {**shell, **SCENES[name](folder)}
    rows = []
    for command, _ in sessions()[name]:
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=env, check=False, timeout=1500, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert not command.startswith("gpufix fix") or done.returncode == 0, done.stdout
        rows.append((command, told(done.stdout, folder)))
    return rows


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.needs(*NEEDS[n])) for n in SCENES]
)
def test_what_the_page_shows_is_printed(name: str, tmp_path: Path, shell: dict[str, str]) -> None:
    now = replayed(name, tmp_path / "demo", shell)
    if os.environ.get("GPUFIX_UPDATE_GOLDENS"):
        body = "".join(f"$ {command}\n{output}" for command, output in now)
        page = PAGE.read_text("utf-8")
        head, tail = page.split(f'```console title="{name}"\n')
        PAGE.write_text(
            f'{head}```console title="{name}"\n{body}```{tail.partition("```")[2]}', "utf-8"
        )
        return
    for (command, expected), (_, output) in zip(sessions()[name], now, strict=True):
        same = _SAYS.check_output(
            expected.replace("…", "..."),
            output.replace("…", "..."),
            ELLIPSIS | NORMALIZE_WHITESPACE,
        )
        assert same, f"$ {command}\n{output}"
