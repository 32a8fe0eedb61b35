"""A private toolkit, by a fake pip: whole or not there at all, and installed once."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import Machine

from gpufix.smoke.private import PrivateToolkitError, with_private_toolkit
from programs import write_program

PIP = """\
import os, sys
open({log!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
target = sys.argv[sys.argv.index("--target") + 1] + "/nvidia/cu13/bin"
os.makedirs(target)
{end}
"""


def pip(folder: Path, end: str) -> str:
    path = folder / "python"
    log = str(folder / "log")
    return str(write_program(path, PIP.format(log=log, end=end)))


def test_installed_once(machine: Machine, tmp_path: Path) -> None:
    python = pip(tmp_path, "open(target + '/nvcc', 'w')")
    request = machine.request("launch")
    for _ in range(2):
        facts = with_private_toolkit(machine.facts, request, lambda _: None, python)
        [toolkit] = facts.toolkits
        assert Path(str(toolkit.compiler)).is_file()
    [call] = (tmp_path / "log").read_text().splitlines()
    assert "cuda-toolkit[nvcc,crt,nvvm,cudart,cccl]==13.0" in call


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("open(target + '/nvcc', 'w'); sys.exit('no network')", "no network"),
        ("pass", "brought no nvcc"),
    ],
)
def test_half_an_install_is_none(machine: Machine, tmp_path: Path, end: str, says: str) -> None:
    request = machine.request("launch")
    with pytest.raises(PrivateToolkitError, match=says):
        with_private_toolkit(machine.facts, request, lambda _: None, pip(tmp_path, end))
    left = [path for path in request.cache.parent.iterdir() if "cuda" in path.name]
    assert left == []
    assert list(request.cache.parent.glob("toolkit-*")) == []
