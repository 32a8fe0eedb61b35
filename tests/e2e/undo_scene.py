"""Two real environments of one user, and runs that the engine makes in them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venvs import Venv, snapshot

import forked
from gpufix.engine.journal import runs
from gpufix.engine.run import apply
from gpufix.engine.run_context import RunContext
from gpufix.facts.context import CollectContext as Look
from gpufix.facts.python.interpreter import collect
from gpufix.model import Facts, Host, Project, WriteFile

HOST = Host(os="Linux", kernel="6", machine="x86_64")


@dataclass(frozen=True)
class Scene:
    """Two environments of one user; `a` has a file that runs have changed."""

    a: Venv
    b: Venv
    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state" / "gpufix"

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def run(
        self, venv: Venv, title: str = "repair it", cut_off: bool = False, file: Path | None = None
    ) -> str:
        """One run that writes one file (default: in the environment); its id."""
        facts = Facts(
            host=HOST,
            python=collect(Look(), str(venv.python)),
            project=Project(root=str(self.project)),
        )
        path = file or venv.site / f"mended{len(runs.every(self.state))}.py"
        step = WriteFile(path=str(path), content=f"{title}\n")
        if (child := os.fork()) == 0:  # undo waits for a run whose process lives
            try:
                made = apply.apply([step], RunContext(facts), self.state, title)
                if not cut_off:
                    apply.finish(made)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        return runs.every(self.state)[-1].id

    def environ(self, env: dict[str, str]) -> dict[str, str]:
        own = {"XDG_STATE_HOME": str(self.folder / "state"), "NO_COLOR": "1", "COLUMNS": "300"}
        return self.b.environ({**own, **env})

    def gpufix(
        self, *arguments: str, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        done = forked.gpufix(arguments, cwd or self.folder, self.environ(env))
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def undo(self, *arguments: str, cwd: Path | None = None, **env: str) -> dict[str, Any]:
        """The JSON report; `exit` holds the exit code."""
        done = self.gpufix("undo", "--format", "json", *arguments, cwd=cwd, **env)
        assert done.stdout, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return {**report, "exit": done.returncode, "said": done.stderr}

    def trees(self) -> dict[str, Any]:
        return snapshot(self.a.path, self.b.path, self.project)
