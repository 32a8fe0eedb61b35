"""Ray: eight nodes, drifts of twenty-four kinds, and nodes that are dead, hang, lack gpufix or CPUs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from drifts import DRIFTS, overwritten_nccl
from fleet_checks import check_costs, check_planted, planted
from machines import Node, fleet

from gpufix.fleet.ask import ask
from gpufix.fleet.engines import PYTHON
from gpufix.fleet.launch import Look, work
from gpufix.fleet.report import FleetRequest, report
from gpufix.report.fleet import table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.needs("ray", "sandbox", "overlay", "gcc", "Linux"),
]
SECONDS = 240.0  # a node's deadline: the machine may be busy


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder of a short name: Ray puts sockets into it."""
    folder = Path(tempfile.mkdtemp(prefix="gf", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_every_drift_is_named_and_every_bad_node_is_a_row(tmp_path: Path, short: Path) -> None:
    import ray_nodes

    nodes = fleet(tmp_path, 8, plant)
    try:
        address = ray_nodes.start(nodes, short / "s")
        from gpufix.fleet.engines.ray import Ray

        class Killing(Ray):
            """Kills a node between the listing and the first task."""

            def nodes(self) -> list[str]:
                found = super().nodes()
                nodes[6].kill()
                return found

        engine = Killing(address)
        look = Look(python=str(tmp_path / "env"), seconds=SECONDS)
        try:
            readings = list(ask(engine, work(look, PYTHON)))
        finally:
            engine.close()
    finally:
        for node in nodes:
            node.kill()
    found = report(readings, FleetRequest())
    shown = table.lines(found).plain()
    print(shown)
    states = {node.name: (node.state, node.problem or "") for node in found.nodes}
    assert sorted(states) == [node.name for node in nodes]
    assert states["node07"][0] == "no answer" and "Ray: " in states["node07"][1]
    assert states["node08"] == ("no answer", f"no answer within {SECONDS:.0f} s")
    assert [name for name, (state, _) in states.items() if state == "answered"] == [
        f"node0{n}" for n in range(1, 7)
    ]
    check_planted(found, WHERE)
    check_costs(readings)


WHERE = planted([f"node0{n}" for n in range(1, 7)])


def plant(nodes: list[Node]) -> None:
    """The drifts on nodes 1 to 6, of which the fifth has no gpufix and the sixth no CPU."""
    by_name = {node.name: node for node in nodes}
    shim = nodes[4].folder / "env/bin/gpufix"
    for kind, name in WHERE.items():
        DRIFTS[kind].plant(by_name[name])
    shim.unlink()
    nodes[5].variables["TEST_CPUS"] = "0"
    hanging = nodes[7].folder / "fifo"
    os.mkfifo(hanging)
    shim = nodes[7].folder / "env/bin/gpufix"
    shim.write_text(
        f"#!/bin/sh\ncase $1 in --version) exec {shim}.own --version;; esac\nread x < {hanging}\n"
    )
    (shim.parent / "gpufix.own").write_text((nodes[0].folder / "env/bin/gpufix").read_text())
    (shim.parent / "gpufix.own").chmod(0o755)


def test_marin_7344(tmp_path: Path, short: Path) -> None:
    """On three of eight nodes the wheel for CUDA 12 came last; all metadata says 2.30.7."""
    import ray_nodes

    def overwrite(nodes: list[Node]) -> None:
        for node in (nodes[1], nodes[4], nodes[5]):
            overwritten_nccl(node.env, node.folder / "build")

    nodes = fleet(tmp_path, 8, overwrite)
    try:
        address = ray_nodes.start(nodes, short / "s")
        from gpufix.fleet.engines.ray import Ray

        engine = Ray(address)
        look = Look(python=str(tmp_path / "env"), seconds=SECONDS)
        try:
            found = report(ask(engine, work(look, PYTHON)), FleetRequest())
        finally:
            engine.close()
    finally:
        for node in nodes:
            node.kill()
    shown = [line for line in table.lines(found).plain().splitlines() if line.startswith("≠")]
    print(shown)
    assert len(shown) == 1
    for part in ("nvidia/nccl/lib/libnccl.so.2", "2.30.7+cuda13.0", "2.28.9+cuda12.8",
                 "node[02,05-06]", "node[01,03-04,07-08]",
                 "by its metadata nvidia-nccl-cu13 2.30.7 everywhere"):  # fmt: skip
        assert part in shown[0]
