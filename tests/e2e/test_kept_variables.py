"""Variables that stay: shell profiles, fish, direnv and conda, each by the tool that reads them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import venvs

from gpufix.facts.python.environment import overlay_path

VALUES = {"TORCH_CUDA_ARCH_LIST": "9.0;12.0+PTX", "CPATH": "/opt/a b:/c", "LD_PRELOAD": None}
ASK = 'printf "%s|%s|%s\\n" "$TORCH_CUDA_ARCH_LIST" "$CPATH" "${LD_PRELOAD-none}"'
SET, BEFORE = "9.0;12.0+PTX|/opt/a b:/c|none\n", "old||/usr/old.so\n"


class Home(NamedTuple):
    """A home folder, and `gpufix env` for a patient whose fixes have set VALUES."""

    folder: Path
    environ: dict[str, str]
    keep: Callable[..., None]

    def sees(self, *command: str) -> str:
        """What a shell started here prints. It starts with variables of its own."""
        environ = {
            **self.environ,
            "HOME": str(self.folder),
            "TORCH_CUDA_ARCH_LIST": "old",
            "LD_PRELOAD": "/usr/old.so",
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Home:
    venv = venvs.create(tmp_path / "env")
    state = {"XDG_STATE_HOME": str(venv.home / ".local" / "state")}
    path = overlay_path(str(venv.path), None, state)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"variables": VALUES}))

    def keep(*options: str) -> None:
        done = venv.gpufix("env", "--python", str(venv.python), *options)
        assert done.returncode == 0, done.stderr

    folder = tmp_path / "home"
    folder.mkdir()
    return Home(folder, {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}, keep)


@pytest.mark.needs("bash")
@pytest.mark.parametrize(
    ("file", "command"),
    [
        (".bashrc", ("bash", "-ic", ASK)),
        (".profile", ("bash", "-lc", ASK)),
        pytest.param(".zshrc", ("zsh", "-ic", ASK), marks=pytest.mark.needs("zsh")),
    ],
)
def test_a_profile(home: Home, file: str, command: tuple[str, ...]) -> None:
    profile = home.folder / file
    profile.write_text("alias ll='ls -l'\n")
    assert home.sees(*command) == BEFORE
    for _ in range(2):
        home.keep("--output", str(profile))
        assert home.sees(*command) == SET
    assert profile.read_text().count("TORCH_CUDA_ARCH_LIST") == 1
    assert profile.read_text().startswith("alias ll")


@pytest.mark.needs("fish")
def test_fish(home: Home) -> None:
    folder = home.folder / ".config" / "fish" / "conf.d"
    folder.mkdir(parents=True)
    home.keep("--format", "fish", "--output", str(folder / "gpufix.fish"))
    assert home.sees("fish", "-c", shlex.join(["sh", "-c", ASK])) == SET


@pytest.mark.needs("direnv", "bash")
def test_direnv_sets_and_restores(home: Home) -> None:
    project = home.folder / "project"
    project.mkdir()
    home.keep("--output", str(project / ".envrc"))
    export = 'eval "$(direnv export bash 2>/dev/null)"'
    script = f"cd project; direnv allow; {export}; {ASK}; cd ..; {export}; {ASK}"
    assert home.sees("bash", "-c", script) == SET + BEFORE


@pytest.mark.needs("conda")
def test_conda_sets_and_restores(home: Home) -> None:
    """By conda's own activation, in a prefix that holds nothing else."""
    prefix = home.folder / "prefix"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    home.keep("--format", "conda", "--output", str(prefix / "etc/conda/env_vars.d/gpufix.json"))
    code = "import sys; from conda.activate import activator_map as m; print(m['posix'](sys.argv[1:]).execute())"
    of_conda = f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
    conda = shlex.join(["env", of_conda, sys.executable, "-c", code])
    activate = f'eval "$({conda} activate {shlex.quote(str(prefix))} 2>/dev/null)"'
    script = f'{activate}; {ASK}; eval "$({conda} deactivate)"; {ASK}'
    assert home.sees("bash", "-c", script) == SET.replace("none", "") + BEFORE


@pytest.mark.needs("rattler")
def test_rattler_sets(home: Home) -> None:
    """pixi's activation: it does not unset."""
    from rattler import Platform
    from rattler.shell import ActivationVariables, Shell, activate

    prefix = home.folder / "prefix"
    (prefix / "conda-meta").mkdir(parents=True)
    home.keep("--format", "conda", "--output", str(prefix / "etc/conda/env_vars.d/gpufix.json"))
    script = activate(prefix, ActivationVariables(None), Shell.bash, Platform("linux-64")).script
    seen = home.sees("bash", "-c", f"{script}\n{ASK}")
    assert seen == SET.replace("none", "/usr/old.so")
