"""A Ray cluster whose nodes have raylets, mounts and variables of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from machines import Node, until

GCS = 26379


def start(nodes: list[Node], session: Path, port: int = GCS) -> str:
    """The address of a cluster with these nodes; the first one is the head."""
    address = f"127.0.0.1:{port}"
    for number, node in enumerate(nodes):
        first = port + 100 + 20 * number
        where = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={session}"]
        command = [
            *ray(), "start", *(where if number == 0 else [f"--address={address}"]), "--block",
            f"--node-name={node.name}", f"--num-cpus={node.variables.get('TEST_CPUS', '1')}",
            "--node-ip-address=127.0.0.1", "--object-store-memory=80000000",
            f"--node-manager-port={first}", f"--object-manager-port={first + 1}",
            f"--runtime-env-agent-port={first + 2}", f"--dashboard-agent-grpc-port={first + 3}",
            f"--dashboard-agent-listen-port={first + 4}", f"--metrics-export-port={first + 5}",
            f"--min-worker-port={first + 6}", f"--max-worker-port={first + 19}",
        ]  # fmt: skip
        node.start(
            *command,
            RAY_USAGE_STATS_ENABLED="0",
            RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="1",
            RAY_worker_niceness="0",
        )
        # One after the other: two that start at once on one machine take the same names of files.
        until(lambda: alive(address) > number, 60, f"{node.name} has not joined")  # noqa: B023
    return address


def ray() -> list[str]:
    """Its command line, without a look at the current folder."""
    return [
        sys.executable,
        "-c",
        "import sys; from ray.scripts.scripts import main; sys.exit(main())",
    ]


def alive(address: str) -> int:
    """How many nodes the cluster has."""
    from ray._raylet import GcsClient

    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", "5")
    try:
        found = GcsClient(address=address).get_all_node_info(timeout=5)
    except Exception:
        return 0
    return sum(1 for info in found.values() if info.state == 0)
