"""The recipes of docs/fleet.md: every command is one that gpufix takes, every script one that runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from answers import driver, node
from click.exceptions import Exit
from typer.main import get_command

from gpufix.cli.app import application
from gpufix.fleet.inputs import line

PAGE = (Path(__file__).parents[2] / "docs/fleet.md").read_text("utf-8")
_PARTS = re.findall(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", PAGE, re.S | re.M)
# The last block of each: what stands before prepares it.
RECIPES = {title: re.findall(r"```(\w+)\n(.*?)```", text, re.S)[-1] for title, text in _PARTS}


def commands() -> Iterator[list[str]]:
    """Each `gpufix …` of the page, as words."""
    for block in re.findall(r"```(?:sh|yaml|console)\n(.*?)```", PAGE, re.S):
        for found in re.finditer(
            r"(?<![\w/.'])gpufix ((?:fleet|diff) [^|>\n)]*)", block.replace("\\\n", " ")
        ):
            yield shlex.split(found[1].strip(), comments=True)
    for inline in re.findall(r"`gpufix ((?:fleet|diff) [^`]* [^`]*)`", PAGE):
        yield shlex.split(inline.partition(" > ")[0])


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_is_understood(words: list[str]) -> None:
    command = get_command(application())
    for part in words[: 2 if words[0] == "fleet" else 1]:
        command = command.commands[part]  # type: ignore[attr-defined]
    try:
        command.make_context("gpufix", words[2 if words[0] == "fleet" else 1 :])
    except Exit:
        pytest.fail("it ends at once")


def test_all_recipes_are_here() -> None:
    assert set(RECIPES) == {
        "Ray", "Slurm: a health check on every node", "Slurm: a prolog", "Kubernetes: once, on eight nodes",
        "Kubernetes: a DaemonSet", "node-problem-detector", "Prometheus", "CI, each night",
    }  # fmt: skip


@pytest.fixture
def bin(tmp_path: Path) -> Path:
    """Stand-ins: gpufix, which compares this machine as a node is compared, and scontrol."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("scontrol",):
        (folder / name).write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/{name}\n')
        (folder / name).chmod(0o755)
    return folder


def run(script: str, bin: Path, said: str, code: int) -> subprocess.CompletedProcess[str]:
    (bin / "gpufix").write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
    (bin / "gpufix").chmod(0o755)
    body = re.sub(r"export PATH=\S+", f"export PATH={bin}:/usr/bin:/bin", script)
    env = {**os.environ, "SLURMD_NODENAME": "node07"}
    return subprocess.run(["sh", "-c", body], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("code", "drained"),
    [(0, None), (1, "update NodeName=node07 State=DRAIN Reason=gpufix: a b\n"), (2, None)],
)
def test_the_health_check_drains_what_differs(code: int, drained: str | None, bin: Path) -> None:
    """HealthCheckProgram itself must end well: Slurm takes no verdict from its code."""
    _, script = RECIPES["Slurm: a health check on every node"]
    assert run(script, bin, "gpufix: a b", code).returncode == 0
    called = bin.parent / "scontrol"
    assert (called.read_text() if called.exists() else None) == drained


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 1), (2, 0), (3, 0)])
def test_the_prolog_fails_for_a_node_that_differs_alone(code: int, ends: int, bin: Path) -> None:
    """A usage error or a crash of gpufix drains nobody."""
    _, script = RECIPES["Slurm: a prolog"]
    assert run(script, bin, "", code).returncode == ends


def test_node_problem_detector_reads_the_configuration() -> None:
    """https://github.com/kubernetes/node-problem-detector docs/custom_plugin_monitor.md"""
    _, text = RECIPES["node-problem-detector"]
    data = json.loads(text)
    assert data["plugin"] == "custom" and data["pluginConfig"]["max_output_length"] == 80
    (rule,) = data["rules"]
    assert rule["type"] == "permanent"
    assert rule["condition"] in [one["type"] for one in data["conditions"]]
    command = get_command(application()).commands["fleet"].commands["doctor"]  # type: ignore[attr-defined]
    context = command.make_context("gpufix", rule["args"][2:])
    assert context.params["here"] is True and context.params["format"].value == "npd"
    assert context.params["timeout"] < int(rule["timeout"].rstrip("s"))


def test_the_workflow_is_one() -> None:
    _, text = RECIPES["CI, each night"]
    schema = json.loads((Path(__file__).parents[1] / "ci/schemas/github-workflow.json").read_text())
    import jsonschema

    data = {("on" if key is True else key): value for key, value in yaml.safe_load(text).items()}
    jsonschema.validate(data, schema)


def test_the_prometheus_recipe_replaces_the_file_at_once(tmp_path: Path) -> None:
    _, text = RECIPES["Prometheus"]
    first, second = text.strip().splitlines()
    assert first.split()[-1] == second.split()[1] and second.split()[0] == "mv"


def test_here_against_a_saved_answer(tmp_path: Path) -> None:
    """What the health check, the prolog and the plug-in share, but for the look itself."""
    import forked

    (tmp_path / "good.txt").write_text(line(node("good")))
    (tmp_path / "now.txt").write_text(line(node("node07", driver("550.54"))))
    for file, code, said in (
        ("now.txt", 1, "gpufix: NVIDIA driver 550.54 (usual: 570.86)"),
        ("good.txt", 0, "gpufix: as the others"),
    ):
        done = forked.gpufix(
            ["fleet", "report", file, "--reference", "good.txt", "--format", "npd"],
            cwd=tmp_path, env=os.environ,
        )  # fmt: skip
        assert (done.returncode, done.stdout.startswith(said)) == (code, True), done
