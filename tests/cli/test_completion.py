"""Shell completion: commands, formats, rule codes and GPUs, in a real bash."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gpufix.cli import help
from gpufix.knowledge.gpus.models import resolve

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose bash has been told to complete gpufix."""
    folder = tmp_path_factory.mktemp("home")
    # Typer asks for the shell's name where it cannot find it out.
    shell = "" if importlib.util.find_spec("shellingham") else "bash"
    bash(folder, f"gpufix --install-completion {shell}; true")
    return folder


def bash(home: Path, script: str) -> str:
    env = {**os.environ, "HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def offered(home: Path, words: list[str]) -> list[str]:
    typed = " ".join(map(shlex.quote, words))
    script = (
        f"source ~/.bash_completions/gpufix.sh; COMP_WORDS=({typed}); "
        f"COMP_CWORD={len(words) - 1}; _gpufix_completion gpufix; "
        "printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    return bash(home, script).split("\n")[:-1]


def test_it_is_installed(home: Path) -> None:
    assert "gpufix.sh" in (home / ".bashrc").read_text()


@pytest.mark.some(4)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["gpufix", "sn"], ["snapshot"]),
        (["gpufix", "doctor", "--format", "s"], ["sarif"]),
        (["gpufix", "doctor", "--fail-on", "w"], ["warning"]),
        (["gpufix", "doctor", "--select", "whl50"], [f"whl50{n}" for n in range(1, 10)]),
        (["gpufix", "fix", "--ignore", "JIT"], ["JIT", "JIT701", "JIT702", "JIT703"]),
        (["gpufix", "doctor", "--gpu", "sm_12"], ["sm_120", "sm_121"]),
        (["gpufix", "doctor", "--gpu", "rtx-508"], ["rtx-5080"]),
        (["gpufix", "doctor", "--gpu", "RTX-508"], ["RTX-5080"]),
        (["gpufix", "doctor", "--gpu", "MI300"], ["MI300A", "MI300X"]),
        (["gpufix", "doctor", "--gpu", "no such"], [""]),
        (["gpufix", "fix", "--fallback", "fused"], ["fused_ssim"]),
    ],
)
def test_bash_offers(words: list[str], expected: list[str], home: Path) -> None:
    assert offered(home, words) == expected


def test_every_offered_gpu_is_one() -> None:
    for name, arch in help.gpus(""):
        target = resolve(name)
        assert target.arch == (name if arch in ("NVIDIA", "AMD") else arch), name


def test_codes_and_families() -> None:
    names = [code for code, _ in help.codes("")]
    assert {"WHL", "WHL503", "GPU", "GPU101"} <= set(names)
    assert len(names) == len(set(names))
    assert help.codes("WHL503") == [("WHL503", "files-missing")]
    assert help.codes("nonsense") == []


@pytest.mark.slow
@pytest.mark.needs("fish")
def test_fish_completes(tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}"}
    script = (
        "gpufix --install-completion fish; "
        "source ~/.config/fish/completions/gpufix.fish; "
        "complete -C 'gpufix sn'; complete -C 'gpufix doctor --gpu RTX-508'"
    )
    done = subprocess.run(
        ["fish", "-c", script], env=env, capture_output=True, text=True, check=True
    )
    offered_ = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert {"snapshot", "RTX-5080"} <= set(offered_)


@pytest.mark.needs("zsh")
def test_zsh_completes(tmp_path: Path) -> None:
    """In zsh itself; `_arguments`, which draws the menu, is replaced by one that prints."""
    env = {**os.environ, "HOME": str(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}"}
    script = (
        "gpufix --install-completion zsh; compdef() { }; _arguments() { print -r -- $* }; "
        "source ~/.zfunc/_gpufix; words=(gpufix sn); CURRENT=2; _gpufix_completion; "
        "words=(gpufix doctor --gpu RTX-508); CURRENT=4; _gpufix_completion"
    )
    file = tmp_path / "try.zsh"
    file.write_text(script)
    done = subprocess.run(
        ["zsh", "-f", str(file)], env=env, capture_output=True, text=True, check=True
    )
    assert '"snapshot"' in done.stdout
    assert '"RTX-5080"' in done.stdout
