"""ssh and Slurm: the same report as Ray's, from daemons on one machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from drifts import DRIFTS
from fleet_checks import check_costs, check_planted, planted
from machines import Node, fleet, until
from test_recipes import RECIPES

from gpufix.fleet.ask import ask
from gpufix.fleet.engines import Engine
from gpufix.fleet.engines.slurm import Slurm
from gpufix.fleet.engines.ssh import Ssh
from gpufix.fleet.launch import Look, work
from gpufix.fleet.report import FleetRequest, report
from gpufix.model.fleet_report import FleetReport
from gpufix.report.fleet import table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.needs("sandbox", "overlay", "gcc", "Linux", "root"),
]
SECONDS = 240.0
ANSWERING = [f"node0{n}" for n in range(1, 7)]


def look_at(engine: Engine, folder: Path) -> FleetReport:
    look = Look(python=str(folder / "env"), seconds=SECONDS)
    readings = list(ask(engine, work(look)))
    engine.close()
    check_costs(readings)
    found = report(readings, FleetRequest())
    print(table.lines(found).plain())
    return found


def plant(where: dict[str, str], bare: int) -> object:
    def change(nodes: list[Node]) -> None:
        by_name = {node.name: node for node in nodes}
        for kind, name in where.items():
            DRIFTS[kind].plant(by_name[name])
        (nodes[bare].folder / "env/bin/gpufix").unlink()

    return change


@pytest.mark.needs("sshd")
def test_ssh(tmp_path: Path) -> None:
    """Eight hosts: one without gpufix, one whose sshd is gone, one with a host key that is not known."""
    import ssh_nodes

    where = planted(ANSWERING)
    nodes = fleet(tmp_path, 8, plant(where, 4))
    try:
        config = ssh_nodes.start(nodes, tmp_path / "ssh")
        ssh_nodes.forget(config, nodes[7], 7)
        nodes[6].kill()
        found = look_at(Ssh("node[01-08]", f"-F {config}"), tmp_path)
    finally:
        for node in nodes:
            node.kill()
    problems = {node.name: node.problem for node in found.nodes if node.state == "no answer"}
    assert sorted(problems) == ["node07", "node08"]
    assert "Connection refused" in (problems["node07"] or "")
    assert "Host key verification failed" in (problems["node08"] or "")
    check_planted(found, where)


# srun hands on the submitter's variables: those of a node are not seen.
_OF_NODES = [kind for kind, drift in DRIFTS.items() if drift.section != "variables"]


@pytest.mark.needs("slurmctld", "slurmd", "srun", "sinfo", "scontrol", "munged")
def test_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight nodes: one without gpufix, one down, one whose slurmd is killed."""
    from slurm_nodes import Cluster

    where = planted(ANSWERING, _OF_NODES)
    nodes = fleet(tmp_path, 8, plant(where, 4))
    cluster = Cluster(nodes, tmp_path / "slurm")
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    for name in [name for name in os.environ if name.startswith("SLURM_JOB")]:
        monkeypatch.delenv(name)
    try:
        cluster.start()
        cluster.set_down(nodes[7], "no power")
        nodes[6].kill()
        found = look_at(Slurm("-p gpu"), tmp_path)
    except AssertionError:
        print(cluster.logs())
        raise
    finally:
        cluster.stop()
    problems = {node.name: node.problem or "" for node in found.nodes if node.state == "no answer"}
    assert sorted(problems) == ["node07", "node08"]
    assert problems["node08"] == "Slurm says down: no power"
    assert problems["node07"]
    check_planted(found, where)


@pytest.mark.needs("slurmctld", "slurmd", "srun", "sinfo", "scontrol", "munged")
def test_the_health_check_of_slurm(tmp_path: Path) -> None:
    """The health check drains the node that has become another, and no other."""
    from slurm_nodes import Cluster

    nodes = fleet(tmp_path, 3)
    env, path = str(tmp_path / "env"), f"{tmp_path}/env/bin:/usr/bin:/bin"
    look = ["env", "-i", f"PATH={path}", "gpufix", "fleet", "probe", "--python", env]
    nodes[0].start(*look, log="good.txt").wait()
    DRIFTS["NCCL's configuration"].plant(nodes[1])
    _, text = RECIPES["Slurm: a health check on every node"]
    conf = f"export SLURM_CONF={tmp_path}/slurm/slurm.conf PATH={path}"
    text = re.sub(r"export PATH=\S+", conf, text).replace("--timeout 60", f"--timeout {SECONDS}")
    text = text.replace("/opt/env", env).replace("/shared/good.txt", f"{nodes[0].folder}/good.txt")
    check = tmp_path / "check"
    check.write_text(text)
    check.chmod(0o755)
    checks = (f"HealthCheckProgram={check}", "HealthCheckInterval=30")
    cluster = Cluster(nodes, tmp_path / "slurm", *checks)
    try:
        cluster.start()
        until(
            lambda: any("gpufix" in row for row in cluster.states("%N %T %E")), 150, cluster.logs()
        )
        assert cluster.states("%N %T %E") == [
            "node01 idle none",
            "node02 drained gpufix: NCCL_IB_HCA in nccl.conf absent (usual: mlx5)",
            "node03 idle none",
        ]
    finally:
        cluster.stop()
