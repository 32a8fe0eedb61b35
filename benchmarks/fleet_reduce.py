"""What `gpufix fleet report` costs on many nodes: CPU seconds and memory, and whether it is linear.

    python benchmarks/fleet_reduce.py [--nodes 10000] [--distinct 40] [--odd 50] [SNAPSHOT]

Snapshots are made of one (default: of this interpreter's environment): each distinct kind has a
version of its own, each odd node something that no other has, and all differ in free memory.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gpufix.fleet.inputs import read_all
from gpufix.fleet.probe import Wanted, look
from gpufix.fleet.wire import encode


def simulated(base: dict[str, Any], nodes: int, distinct: int, odd: int) -> Iterator[str]:
    """A line for each node. The first kind has most nodes, as in a real cluster."""
    rng = random.Random(7)
    kinds = [kind(base, number) for number in range(distinct)]
    bad = set(rng.sample(range(nodes), odd))
    for number in range(nodes):
        one = rng.choice(kinds) if rng.random() < 0.4 else kinds[0]
        if number in bad:
            one = copy.deepcopy(one)
            one["facts"]["environment"]["process"]["NCCL_ODD"] = str(number)
        one["node"] = f"node{number:05d}"
        one["facts"]["host"]["memory_available"] = rng.randrange(1 << 40)
        yield encode(one) if number % 2 else json.dumps(one)


def kind(base: dict[str, Any], number: int) -> dict[str, Any]:
    """One of the distinct environments."""
    made = copy.deepcopy(base)
    if number:
        made["facts"]["distributions"][0]["version"] = f"99.{number}"
        made["facts"]["host"]["kernel"] = f"6.8.{number % 7}"
    return made


def measured(file: Path) -> dict[str, float]:
    """Of `gpufix fleet report`, a process of its own: CPU seconds, megabytes, and what it found."""
    out = file.with_suffix(".json")
    command = [sys.executable, "-m", "gpufix", "fleet", "report", str(file), "--format", "json"]
    child = subprocess.Popen([*command, "--output", str(out)])
    _, _, used = os.wait4(child.pid, 0)
    made = json.loads(out.read_text())
    return {
        "cpu": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / 1024,
        "nodes": len(made["nodes"]),
        "environments": len(made["environments"]),
        "odd": sum("variables" in node["odd"] for node in made["nodes"]),
        "differences": len(made["differences"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("snapshot", nargs="?")
    for name, value in (("nodes", 10_000), ("distinct", 40), ("odd", 50)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    base = base_of(options.snapshot)
    print("nodes  CPU s  MB    distinct  odd  differences")
    with tempfile.TemporaryDirectory() as folder:
        for nodes in (options.nodes // 4, options.nodes // 2, options.nodes):
            file = Path(folder, f"{nodes}.jsonl")
            lines = simulated(base, nodes, options.distinct, options.odd)
            with file.open("w") as out:
                out.writelines(f"{line}\n" for line in lines)
            m = measured(file)
            print(
                f"{nodes:<6} {m['cpu']:<6.1f} {m['megabytes']:<5.0f} {m['environments']:<9} "
                f"{m['odd']:<4} {m['differences']}",
                flush=True,
            )
            file.unlink()


def base_of(snapshot: str | None) -> dict[str, Any]:
    """An answer, of a file or of this interpreter's environment."""
    if snapshot is None:
        return look(Wanted(python=os.environ.get("VIRTUAL_ENV") or sys.prefix))
    (reading,) = read_all([snapshot])
    return {"gpufix_fleet": 1, "gpufix": reading.gpufix, "node": "x", "facts": reading.facts}


if __name__ == "__main__":
    main()
