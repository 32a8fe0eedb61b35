"""Runs the steps of a workflow as GitHub's runner would: the part of it that our files use.

`run:` steps are executed by bash with the declared variables and the files that the runner hands
out; a local action's steps likewise, its inputs put where its expressions name them. Other `uses:`
(checkout, setup-python) are what the caller has prepared, and are noted.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_TERM = re.compile(r"^(?P<left>[\w.-]+)\s*(?P<op>==|!=)\s*'(?P<right>[^']*)'$")
_COMMAND = re.compile(
    r"^\s*::(?P<name>error|warning|notice)(?: (?P<properties>.*?))?::(?P<text>.*)$"
)


@dataclass(frozen=True)
class Annotation:
    """What a workflow command puts on a pull request."""

    level: str
    text: str
    file: str | None = None
    line: int | None = None


# Steps that make an environment, and where: nine tenths of a job's time.
_MAKES = {
    "The environment that the code will run in": "{workspace}/.venv",
    "gpufix, beside it": "{temp}/gpufix",
    "Install gpufix": "{temp}/gpufix",
}


@dataclass(frozen=True)
class Once:
    """Environments that steps of earlier jobs have made, to be copied where the same step follows."""

    folder: Path

    def run(self, inputs: tuple[object, ...], place: Path, act: Callable[[], int]) -> int:
        """What `act` makes at `place` from these inputs; its exit code."""
        kept = self.folder / hashlib.sha256(repr(inputs).encode()).hexdigest()
        if kept.exists():
            shutil.copytree(kept, place, symlinks=True, copy_function=os.link)
            return 0
        code = act()
        if code == 0:
            shutil.copytree(place, kept, symlinks=True, copy_function=os.link)
        return code


@dataclass
class Job:
    """A machine: `python` is the folder of the python that setup-python would put on PATH."""

    workspace: Path
    temp: Path
    python: Path
    env: dict[str, str] = field(default_factory=dict)
    action: Path | None = None
    once: Once | None = None
    log: str = ""
    used: list[str] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        return (self.temp / "summary").read_text("utf-8")

    @property
    def annotations(self) -> list[Annotation]:
        return [_annotation(m) for line in self.log.splitlines() if (m := _COMMAND.match(line))]

    def run(self, steps: list[dict[str, Any]], env: dict[str, str] | None = None) -> int:
        """Run all steps; the exit code of the first that fails, after which only `always()` run."""
        (self.temp / "summary").touch()
        failed = 0
        for step in steps:
            condition = str(step.get("if", "success()"))
            if not self._holds(condition, failed, {}):
                continue
            code = self._step(step, {**(env or {})}, {})
            failed = failed or code
        return failed

    def _step(self, step: dict[str, Any], env: dict[str, str], inputs: dict[str, str]) -> int:
        declared = {k: self._filled(str(v), inputs) for k, v in step.get("env", {}).items()}
        if "run" in step:
            assert "${{" not in step["run"], "an expression inside a script can inject into it"
            return self._made(step, {**env, **declared})
        if self.action and re.match(r"(\./|OWNER/gpufix@)", step["uses"]):
            given = {k: str(v) for k, v in step.get("with", {}).items()}
            return self._composite(self.action, env, given)
        self.used.append(step["uses"])
        return 0

    def _composite(self, folder: Path, env: dict[str, str], given: dict[str, str]) -> int:
        action = yaml.safe_load((folder / "action.yml").read_text("utf-8"))
        unknown = set(given) - set(action["inputs"])
        assert not unknown, unknown
        inputs = {name: given.get(name, row["default"]) for name, row in action["inputs"].items()}
        failed = 0
        for step in action["runs"]["steps"]:
            if self._holds(str(step.get("if", "success()")), failed, inputs):
                here = {**env, "GITHUB_ACTION_PATH": str(folder)}
                failed = self._step(step, here, inputs) or failed
        return failed

    def _made(self, step: dict[str, Any], env: dict[str, str]) -> int:
        makes = _MAKES.get(step.get("name", ""))
        if self.once is None or makes is None:
            return self._bash(step, env)
        place = Path(makes.format(workspace=self.workspace, temp=self.temp))
        requirements = (self.workspace / "requirements.txt").read_text("utf-8")
        inputs = (step["run"], sorted({**env, **self.env}.items()), requirements)
        return self.once.run(inputs, place, lambda: self._bash(step, env))

    def _bash(self, step: dict[str, Any], env: dict[str, str]) -> int:
        output = self.temp / "output"
        output.write_text("")
        base = {
            "PATH": f"{self.python}:/usr/bin:/bin",
            "HOME": str(self.temp),
            "LANG": "C.UTF-8",
            "PIP_NO_COMPILE": "1",  # half of an installation's time
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_OUTPUT": str(output),
            "RUNNER_TEMP": str(self.temp),
        }
        pip = {k: v for k, v in os.environ.items() if k.startswith("PIP_")}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={**pip, **base, **env, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        self.log += done.stdout
        self.outputs[step.get("id", "")] = _outputs(output.read_text("utf-8"))
        return done.returncode

    def _holds(self, condition: str, failed: int, inputs: dict[str, str]) -> bool:
        text = _EXPRESSION.sub(r"\1", condition)
        terms = [term.strip() for term in text.split("&&")]
        if not failed or "always()" in terms:
            return all(self._term(t, inputs) for t in terms if t not in ("always()", "success()"))
        return False

    def _term(self, term: str, inputs: dict[str, str]) -> bool:
        match = _TERM.match(term)
        assert match, f"no such expression: {term}"
        same = self._value(match["left"], inputs) == match["right"]
        return same == (match["op"] == "==")

    def _filled(self, text: str, inputs: dict[str, str]) -> str:
        return _EXPRESSION.sub(lambda m: self._value(m[1], inputs), text)

    def _value(self, name: str, inputs: dict[str, str]) -> str:
        kind, _, rest = name.partition(".")
        if kind == "inputs":
            return inputs[rest]
        step, _, output = rest.partition(".outputs.")
        assert kind == "steps" and output, f"no such expression: {name}"
        return self.outputs.get(step, {}).get(output, "")


def _outputs(text: str) -> dict[str, str]:
    """`name=value` lines and `name<<END … END` blocks."""
    out: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, mark, value = line.partition("<<") if "<<" in line else line.partition("=")
        if mark == "<<":
            block: list[str] = []
            for inner in lines:
                if inner == value:
                    break
                block.append(inner)
            value = "\n".join(block)
        out[name] = value
    return out


def _annotation(match: re.Match[str]) -> Annotation:
    pairs = dict(p.split("=", 1) for p in (match["properties"] or "").split(",") if "=" in p)
    plain = {k: _unescaped(v) for k, v in pairs.items()}
    line = int(plain["line"]) if "line" in plain else None
    return Annotation(match["name"], _unescaped(match["text"]), plain.get("file"), line)


def _unescaped(text: str) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def block(page: Path, heading: str, language: str = "yaml") -> str:
    """The first fenced block of that language below a heading's text in a Markdown page."""
    _, found, rest = page.read_text("utf-8").partition(heading)
    assert found, heading
    match = re.search(rf"^```{language}\n(.*?)^```$", rest, re.M | re.S)
    assert match, f"{heading}: no block of {language}"
    return match[1]
