"""`fleet smoke` for real on CPU ranks: slow ranks and links are named, lost ones are rows, nothing hangs.

By processes of this machine, by nodes with networks of their own, and by Ray, ssh and Slurm.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from machines import Node
from namespaces import Slowed, namespaces, ranks_of

from gpufix.fleet.engines import PYTHON, Engine
from gpufix.fleet.engines.here import Here
from gpufix.fleet.smoke.drive import Wanted, smoke
from gpufix.fleet.smoke.naming import FURTHER
from gpufix.fleet.smoke.pairing import log2
from gpufix.model.fleet_smoke import FleetSmoke
from gpufix.report.fleet import smoke_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.needs("Linux", "torch"),
]
RUNS = int(os.environ.get("GPUFIX_SMOKE_RUNS", "3"))  # of each kind; the table of docs/fleet.md: 20
SECONDS = 180.0
LOST = 120.0  # where a rank is waited for


def run(engine: Engine, ranks: int = 1, python: str = sys.executable, **more: Any) -> FleetSmoke:
    wanted = Wanted(python, "cpu", ranks, **{"seconds": SECONDS, **more})
    made = smoke(engine, engine.nodes(), wanted)
    print(smoke_table.lines(made).plain())
    return made


def named(made: FleetSmoke) -> list[tuple[str, list[str]]]:
    (rounds,) = made.rounds
    assert rounds.rounds <= 1 + log2(rounds.ranks) + FURTHER
    return [(slow.kind, slow.names) for slow in made.slow]


@pytest.mark.parametrize("seed", range(RUNS))
def test_nothing_is_named_where_all_is_well(seed: int) -> None:
    made = run(Here(), ranks=5)
    assert made.summary.verdict == "well" and named(made) == []
    assert all(row.right for row in made.allreduces) and len(made.allreduces) == 4


@pytest.mark.needs("network namespaces")
@pytest.mark.parametrize("seed", range(RUNS))
def test_nothing_is_named_between_nodes_that_are_well(seed: int) -> None:
    with namespaces(6) as nodes:
        made = run(nodes, sections=("pairs",))
    assert made.summary.verdict == "well" and named(made) == []
    assert {node.interface for node in made.nodes} == {"eth0"}


@pytest.mark.needs("network namespaces")
@pytest.mark.parametrize("seed", range(RUNS))
def test_a_throttled_link_is_named(seed: int) -> None:
    with namespaces(6) as nodes:
        one, two = sorted(random.Random(seed).sample(nodes.names, 2))
        nodes.throttle(one, two, "20mbit")
        made = run(nodes, sections=("pairs",))
    assert named(made) == [("link", [one, two])]
    assert [f.code for f in made.findings] == ["NET1251"]


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_rank_that_gets_a_tenth_of_the_time_is_named(seed: int) -> None:
    rank = random.Random(seed).randrange(6)
    with Slowed(rank, 6):
        made = run(Here(), ranks=6, sections=("pairs",))
    assert [(kind, names[0].partition(" ")[2]) for kind, names in named(made)] == [
        ("rank", f"rank {rank}")
    ]
    assert [f.code for f in made.findings] == ["FLT1352"]


def signalled(rank: int, number: signal.Signals, step: float) -> None:
    """Sent to a rank some time after it has started."""

    def send() -> None:
        while (pid := ranks_of(os.getpid()).get(rank)) is None:
            time.sleep(0.05)
        time.sleep(step)
        os.kill(pid, number)

    threading.Thread(target=send, daemon=True).start()


@pytest.mark.parametrize("after", [0.2, 8.0])
@pytest.mark.parametrize(
    ("number", "says"),
    [(signal.SIGKILL, "it was ended by SIGKILL"), (signal.SIGSTOP, "its process is stopped")],
)
def test_a_rank_that_dies_or_stops_is_a_row(
    number: signal.Signals, says: str, after: float
) -> None:
    signalled(2, number, after)
    begin = time.monotonic()
    made = run(Here(), ranks=4, seconds=LOST)
    assert time.monotonic() - begin < 1.5 * LOST
    assert [row.name.partition(" ")[2] for row in made.lost] == ["rank 2"]
    assert says in made.lost[0].why and made.slow == []


@pytest.mark.needs("network namespaces")
def test_a_node_behind_a_firewall_is_a_row_and_the_others_meet() -> None:
    with namespaces(4) as nodes:
        nodes.close_off("n3", "n1")
        made = run(nodes, seconds=LOST)
    (lost,) = made.lost
    assert lost.name == "n3" and "does not reach the store on n1: 10.77.0.1:" in lost.why
    assert "closed by a firewall" in lost.why and made.rounds[0].ranks == 3


@pytest.mark.needs("network namespaces")
def test_two_nodes_that_do_not_reach_each_other_are_told() -> None:
    with namespaces(4) as nodes:
        nodes.close_off("n2", "n3")
        made = run(nodes, seconds=LOST)
    (lost,) = made.lost
    assert lost.name in ("n2", "n3") and lost.at == "nodes reach each other"
    assert "n2 does not reach n3: " in lost.why or "n3 does not reach n2: " in lost.why
    assert made.rounds[0].ranks == 3


@pytest.mark.needs("network namespaces")
def test_a_node_that_nobody_reaches_does_not_keep_the_store() -> None:
    with namespaces(4) as nodes:
        for name in nodes.names[1:]:
            nodes.close_off(name, "n1")
        made = run(nodes, seconds=LOST)
    assert [node.name for node in made.nodes if node.problem] == ["n1"]
    assert "no other node reaches it: n2 does not reach" in str(made.nodes[0].problem)
    assert made.lost == [] and made.rounds[0].ranks == 3


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    """Three nodes without mounts of their own: nothing of the test's differs between them."""
    made = []
    for number in range(1, 4):
        folder = tmp_path / f"node{number:02}"
        folder.mkdir()
        node = Node(f"node{number:02}", folder, tmp_path / "env")
        node.variables["HOME"] = str(tmp_path)
        (folder / "env").mkdir()
        made.append(node)
    (tmp_path / "env").mkdir()
    yield made
    for node in made:
        node.kill()


def check(made: FleetSmoke) -> None:
    """Three nodes with two ranks each, one of whose processes is killed or not."""
    assert [node.problem for node in made.nodes] == [None] * 3
    assert made.summary.verdict == "well" and made.summary.ranks == 6
    assert {row.group for row in made.allreduces} == {"all", "node01", "node02", "node03"}
    assert [(row.phase, row.pairs) for row in made.rounds] == [("inside", 3), ("between", 6)]


@pytest.mark.needs("ray", "sandbox", "overlay")
def test_ray(nodes: list[Node]) -> None:
    import ray_nodes

    from gpufix.fleet.engines.ray import Ray

    short = Path(tempfile.mkdtemp(prefix="gf", dir="/tmp"))  # Ray puts sockets into it
    try:
        engine = Ray(ray_nodes.start(nodes, short / "s"))
        try:
            check(run(engine, ranks=2, python=PYTHON))
        finally:
            engine.close()
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(short, ignore_errors=True)


@pytest.mark.needs("sshd", "sandbox", "overlay", "root")
def test_ssh(nodes: list[Node], tmp_path: Path) -> None:
    import ssh_nodes

    from gpufix.fleet.engines.ssh import Ssh

    config = ssh_nodes.start(nodes, tmp_path / "ssh")
    check(run(Ssh("node[01-03]", f"-F {config}"), ranks=2))


@pytest.mark.needs(
    "slurmctld", "slurmd", "srun", "sinfo", "scontrol", "munged", "sandbox", "overlay", "root"
)
def test_slurm(nodes: list[Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from slurm_nodes import Cluster

    from gpufix.fleet.engines.slurm import Slurm

    cluster = Cluster(nodes, tmp_path / "slurm")
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    for name in [name for name in os.environ if name.startswith("SLURM_JOB")]:
        monkeypatch.delenv(name)
    try:
        cluster.start()
        check(run(Slurm("-p gpu"), ranks=2))
    finally:
        cluster.stop()
