"""What runs on nodes for `fleet smoke`: one file for any torch's Python, addresses, topology."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gpufix.fleet.engines import NODE, words
from gpufix.fleet.engines.here import Here
from gpufix.fleet.smoke import answers, network, node, topology
from gpufix.fleet.smoke.packed import work
from gpufix.fleet.smoke.pairing import joined

PLAN = {"device": "cpu", "quick": False, "seconds": 30, "torch_s": 20}


def archive(plan: dict[str, Any]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(work("look", "", plan, 10.0).given))


def test_the_file_holds_its_modules_and_the_plan() -> None:
    packed = archive({"nonce": 7})
    assert json.loads(packed.read("plan.json")) == {"nonce": 7}
    names = set(packed.namelist())
    assert {"__main__.py", "quick.py", "smoke_rank.py", "smoke_topology.py", "pynvml.py"} <= names
    assert sum(info.file_size for info in packed.infolist()) < 1 << 20


@pytest.mark.parametrize("name", [n for n in archive({}).namelist() if n.endswith(".py")])
def test_it_is_python_3_9_of_the_standard_library(name: str) -> None:
    packed = archive({})
    tree = ast.parse(packed.read(name).decode(), feature_version=(3, 9))
    there = {
        n.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for n in packed.namelist()
    }
    for each in ast.walk(tree):
        found = [a.name for a in each.names] if isinstance(each, ast.Import) else []
        found += [str(each.module)] if isinstance(each, ast.ImportFrom) else []
        for module in found:
            top = module.partition(".")[0]
            assert top in sys.stdlib_module_names or top in ("torch", "pynvml") or module in there


@pytest.mark.needs("Linux")
def test_a_node_without_torch_says_so(tmp_path: Path) -> None:
    """The real command, by the real engine."""
    bare = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    (one,) = Here().submit(work("look", str(bare), PLAN, 40.0), ["n1"])
    found = answers.looked(one)
    assert (found.node, found.problem) == (
        "n1",
        "torch: ModuleNotFoundError: No module named 'torch'",
    )


@pytest.mark.needs("Linux")
@pytest.mark.parametrize(
    ("python", "says"),
    [
        ("/no/such/python", "/no/such/python is no Python from 3.9 on"),
        ("/bin/true", "printed no answer"),
    ],
)
def test_an_environment_that_is_none(python: str, says: str) -> None:
    (one,) = Here().submit(work("look", python, PLAN, 40.0), ["n1"])
    assert says in str(answers.looked(one).problem)


def test_a_node_is_told_its_name() -> None:
    command = words(work("ranks", "", {}, 1.0), "node07")
    assert command[-2:] == ["ranks", "node07"] and NODE not in command


def test_a_closed_port_is_told() -> None:
    port = int(network.describe()["port"])
    begin = time.monotonic()
    with pytest.raises(network.Unreachable, match=rf"127.0.0.1:{port} refused: nothing listens"):
        network.reach(["127.0.0.1"], port, 0.5)
    assert time.monotonic() - begin < 3
    with pytest.raises(network.Unreachable, match="no address but loopback"):
        network.reach([], port, 0.1)


def test_who_listens_is_reached_and_who_does_not_is_missed() -> None:
    with network.Listener("127.0.0.1") as listener:
        assert network.reach(["127.0.0.1"], listener.port, 5.0) == "127.0.0.1"
        closed = int(network.describe()["port"])
        places = {"a": ["127.0.0.1", listener.port], "b": ["127.0.0.1", closed]}
        assert list(network.missed(places)) == ["b"]


@pytest.mark.parametrize(
    ("missed", "cut"),
    [
        ({"a": {}, "b": {}}, []),
        ({"a": {"b": "x"}, "b": {"a": "x"}, "c": {}}, ["b"]),
        ({"a": {"c": "x"}, "b": {"c": "x"}, "c": {}}, ["c"]),
        ({"a": {"b": "x"}, "b": {}, "c": {"d": "x"}, "d": {}}, ["d", "b"]),
        ({n: {m: "x" for m in "abcd" if m != n and "a" in (m, n)} for n in "abcd"}, ["a"]),
    ],
)
def test_the_fewest_nodes_are_cut(missed: dict[str, dict[str, str]], cut: list[str]) -> None:
    assert network.cut(missed) == cut


@pytest.mark.needs("Linux")
def test_the_interface_that_leads_there() -> None:
    assert network.interface_to("127.0.0.1") == ("lo", "127.0.0.1")
    assert network.interface_to("not an address") == ("", "")


def test_what_the_node_sets_is_kept_and_multicast_is_off(tmp_path: Path) -> None:
    env = node.environment({"NCCL_SOCKET_IFNAME": "ib0", "NCCL_NVLS_ENABLE": "1"}, "eth0", tmp_path)
    assert (env["NCCL_SOCKET_IFNAME"], env["GLOO_SOCKET_IFNAME"]) == ("ib0", "eth0")
    assert (env["NCCL_NVLS_ENABLE"], env["TORCH_SYMM_MEM_DISABLE_MULTICAST"]) == ("0", "1")


class Nvml:
    """Three GPUs: two with four NVLinks each to a switch, one of which is down; one on PCIe only."""

    class NVMLError(Exception):
        """As pynvml has it."""

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return 3

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetPciInfo(self, gpu: int) -> Any:
        return SimpleNamespace(busId=f"00000000:0{gpu}:00.0".encode())

    def nvmlDeviceGetNvLinkState(self, gpu: int, link: int) -> int:
        if gpu == 2 or link > 3:
            raise self.NVMLError("not supported")
        return int((gpu, link) != (1, 3))

    def nvmlDeviceGetNvLinkRemotePciInfo(self, gpu: int, link: int) -> Any:
        return SimpleNamespace(busId="00000000:F0:00.0")

    def nvmlDeviceGetTopologyCommonAncestor(self, one: int, two: int) -> int:
        return 50 if 2 in (one, two) else 30

    def nvmlDeviceGetP2PStatus(self, one: int, two: int, what: int) -> int:
        return 0


def test_the_topology() -> None:
    found = topology.survey(Nvml())
    assert [(g["up"], g["down"]) for g in found["gpus"]] == [(4, 0), (3, 1), (0, 0)]
    ways = {(p["from"][-6], p["to"][-6]): (p["nvlinks"], p["ancestor"]) for p in found["pairs"]}
    assert ways["0", "1"] == ways["1", "0"] == (3, "host bridge")
    assert ways["0", "2"] == (0, "across sockets") and len(ways) == 6
    assert {p["status"] for p in found["pairs"]} == {"ok"}


def test_a_driver_that_is_not_there_is_a_problem_of_the_topology() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(Path(topology.__file__))]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    row = json.loads(done.stdout)
    assert "problem" in row or "gpus" in row


def test_rounds_of_several_groups_go_side_by_side() -> None:
    assert joined([[[(0, 1)], [(0, 2)]], [[(4, 5)]]]) == [[(0, 1), (4, 5)], [(0, 2)]]
