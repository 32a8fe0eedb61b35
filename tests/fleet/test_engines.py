"""Engines, held to their contract with stand-ins for ssh, srun and sinfo: one answer a node."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from answers import node

from gpufix.fleet.ask import ask, read
from gpufix.fleet.engines import Answer, CannotReach, Work, ssh
from gpufix.fleet.engines.here import Here
from gpufix.fleet.engines.ray_task import run as ray_run
from gpufix.fleet.engines.slurm import Slurm
from gpufix.fleet.engines.ssh import Ssh
from gpufix.fleet.inputs import line

Programs = Callable[..., None]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Put scripts before all else on PATH."""

    def put(**scripts: str) -> None:
        for name, body in scripts.items():
            file = tmp_path / "bin" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"#!/bin/sh\n{body}\n")
            file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    return put


SSH = """
for last; do before=$host; host=$last; done
case "$before" in
dead) echo 'ssh: connect to host dead port 22: No route to host' >&2; exit 255;;
slow) echo 'gpufix: at compiled libraries' >&2; sleep 60;;
esac
case "$*" in *BatchMode=yes*ConnectTimeout=*) ;; *) exit 1;; esac
eval "$last"
"""


def test_ssh_gives_one_answer_a_node_and_waits_for_none(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(ssh=SSH)
    monkeypatch.setattr(ssh, "_CONNECT", 0)
    engine = Ssh("n[1-3],dead,slow")
    begin = time.monotonic()
    found = {
        a.node: a
        for a in engine.submit(
            Work(("sh", "-c", 'cat; echo "it\'s $1"', "x", "a b"), b"in\n", 1.0), engine.nodes()
        )
    }
    assert time.monotonic() - begin < 40
    assert {n: found[n].out for n in ("n1", "n2", "n3")} == dict.fromkeys(
        ("n1", "n2", "n3"), b"in\nit's a b\n"
    )
    assert read(found["dead"]).problem == "ssh: connect to host dead port 22: No route to host"
    assert read(found["slow"]).problem == (
        "no answer within 1 s; the last that was heard: at compiled libraries"
    )


@pytest.mark.parametrize(
    ("hosts", "why"), [("n[1", "has no partner"), ("-oProxyCommand=x", "no host"), ("", "no node")]
)
def test_hosts_that_are_none(hosts: str, why: str, programs: Programs) -> None:
    programs(ssh="exit 1")
    with pytest.raises(CannotReach, match=why):
        Ssh(hosts).nodes()


SINFO = """
echo "$@" > {log}
echo 'n1|idle|none'
echo 'n2|allocated|none'
echo 'n3|down*|Not responding'
echo 'n4|drained|gpufix: driver'
"""
SRUN = """
echo "$@" >> {log}
while test "$1" != -w; do shift; done
case $2 in
n2) echo 'srun: error: Unable to allocate resources: Requested nodes are busy' >&2; exit 1;;
esac
shift 2; exec "$@"
"""


@pytest.fixture
def slurm(programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    log = tmp_path / "calls"
    programs(sinfo=SINFO.format(log=log), srun=SRUN.format(log=log))
    for name in ("SLURM_JOB_ID", "SLURM_JOB_NODELIST"):
        monkeypatch.delenv(name, raising=False)
    return log


def test_slurm_says_which_nodes_are_down(slurm: Path) -> None:
    engine = Slurm("-p gpu --gpus-per-node=8 -N 4")
    nodes = engine.nodes()
    assert nodes == ["n1", "n2", "n3", "n4"]
    assert "-p gpu" in slurm.read_text()
    found = {a.node: a for a in engine.submit(Work(("echo", "ok")), nodes)}
    assert found["n1"].out == b"ok\n"
    assert {n: found[n].problem for n in ("n2", "n3", "n4")} == {
        "n2": "srun: error: Unable to allocate resources: Requested nodes are busy",
        "n3": "Slurm says down*: Not responding",
        "n4": "Slurm says drained: gpufix: driver",
    }
    assert "--gpus-per-node=8 --immediate=30 -N1 -n1 -w n1 echo ok" in slurm.read_text()
    assert "-N 4" not in slurm.read_text()


def test_slurm_within_an_allocation(slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "n[1-2]")
    engine = Slurm("")
    assert engine.nodes() == ["n1", "n2"]
    list(engine.submit(Work(("true",)), ["n1"]))
    assert "--overlap -N1 -n1 -w n1 true" in slurm.read_text()


def test_slurm_with_a_list_of_nodes(slurm: Path) -> None:
    assert Slurm("-w n[1-5] --exclude=n3").nodes() == ["n1", "n2", "n4", "n5"]
    engine = Slurm("-wn5")
    (answer,) = engine.submit(Work(("true",)), engine.nodes())
    assert answer.problem == "Slurm does not know this node"


def test_here(tmp_path: Path) -> None:
    engine = Here()
    (answer,) = engine.submit(Work(("{python}", "-c", "print(6 * 7)")), engine.nodes())
    assert (answer.out, answer.code) == (b"42\n", 0)


@pytest.mark.parametrize(
    ("command", "seconds", "expected"),
    [
        (["cat"], 20.0, (0, b"in", None)),
        (["sh", "-c", "exit 7"], 20.0, (7, b"", None)),
        (["/no/such"], 20.0, (None, b"", "/no/such: No such file or directory")),
        (["sh", "-c", "read x < /dev/zero; sleep 60"], 0.5, (None, b"", "no answer within 0 s")),
    ],
)
def test_what_a_ray_worker_runs(
    command: list[str], seconds: float, expected: tuple[object, ...]
) -> None:
    code, out, _, problem, _ = ray_run(command, b"in", seconds, 100)
    assert (None if problem else code, out, problem) == expected


class Fake:
    """Nodes that share a copy of their environment; `dead` answer only once."""

    def __init__(self, dead: frozenset[str] = frozenset()) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._dead = dead

    def nodes(self) -> list[str]:
        return ["n1", "n2", "n3", "own"]

    def submit(self, work: Work, nodes: list[str]) -> list[Answer]:
        self.asked.append(tuple(nodes))
        first = work.command == ("first",)
        return [self._answer(name, first) for name in nodes]

    def _answer(self, name: str, first: bool) -> Answer:
        if not first and name in self._dead:
            return Answer(name, problem="gone")
        reading = node(name)
        assert reading.facts is not None
        shared = name != "own"
        if shared:
            reading.facts["storage"] = {
                "kind": "nfs",
                "source": "s:/e",
                "network": True,
                "key": "k",
            }
        if shared and first:
            reading.facts["binaries"]["files"] = []
        return Answer(name, out=_line(reading, shared and first).encode(), code=0)

    def close(self) -> None:
        pass


def _line(reading: object, deferred: bool) -> str:
    from gpufix.fleet.wire import decode, encode

    data = decode(line(reading))  # type: ignore[arg-type]
    return encode({**data, "deferred": deferred})


@pytest.mark.parametrize(
    ("dead", "asked"),
    [(frozenset(), [("n1",)]), (frozenset({"n1"}), [("n1",), ("n2",)])],
)
def test_shared_storage_is_read_on_one_node(
    dead: frozenset[str], asked: list[tuple[str, ...]]
) -> None:
    engine = Fake(dead)
    readings = {r.node: r for r in ask(engine, Work(("first",)), Work(("whole",)))}
    assert engine.asked == [("n1", "n2", "n3", "own"), *asked]
    files = [reading.facts["binaries"]["files"] for reading in readings.values() if reading.facts]
    assert len(files) == 4 and all(found == files[0] and found for found in files)
