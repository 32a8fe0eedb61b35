"""ssh and Slurm: the same report as Ray's, from daemons on one machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from drifts import DRIFTS
from fleet_checks import check_costs, check_planted, planted
from machines import Node, fleet

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
