"""A Slurm cluster on one machine: munged, slurmctld, and a slurmd for each node."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from machines import Node, until

import needs

PORT = 24000


class Cluster:
    """Daemons and their configuration."""

    def __init__(self, nodes: list[Node], folder: Path, *more: str) -> None:
        """`more`: further lines of slurm.conf."""
        self.nodes, self.folder, self.more = nodes, folder, more
        self.running: list[subprocess.Popen[bytes]] = []
        for part in ("state", "spool", "munge"):
            (folder / part).mkdir(parents=True)
        (folder / "munge").chmod(0o755)
        self.conf = folder / "slurm.conf"
        self.conf.write_text(self._configuration())
        self.environ = {**os.environ, "SLURM_CONF": str(self.conf)}

    def _configuration(self) -> str:
        rows = [
            "ClusterName=fleet", "SlurmctldHost=localhost", "AuthType=auth/munge",
            f"AuthInfo=socket={self.folder}/munge/socket", "CryptoType=crypto/munge",
            f"SlurmctldPort={PORT}", f"StateSaveLocation={self.folder}/state",
            f"SlurmdSpoolDir={self.folder}/spool/%n", f"SlurmctldPidFile={self.folder}/ctld.pid",
            f"SlurmdPidFile={self.folder}/slurmd-%n.pid", "SlurmUser=root", "SlurmdUser=root",
            "ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "MpiDefault=none",
            "SchedulerType=sched/backfill", "SelectType=select/cons_tres", "ReturnToService=2",
            "SlurmdTimeout=20", "SlurmctldTimeout=60", "SwitchType=switch/none",
            "JobAcctGatherType=jobacct_gather/none", "AccountingStorageType=accounting_storage/none",
            f"SlurmctldLogFile={self.folder}/ctld.log", f"SlurmdLogFile={self.folder}/slurmd-%n.log",
        ]  # fmt: skip
        for number, node in enumerate(self.nodes):
            rows.append(
                f"NodeName={node.name} NodeHostname=localhost NodeAddr=127.0.0.1 "
                f"Port={PORT + 1 + number} CPUs=2 State=UNKNOWN"
            )
        rows += self.more
        names = ",".join(node.name for node in self.nodes)
        return "\n".join([*rows, f"PartitionName=gpu Nodes={names} Default=YES State=UP", ""])

    def start(self) -> None:
        """Up to where all nodes have come up, whatever they are then."""
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        munge = self.folder / "munge"
        command = [
            needs.path("munged"), "--foreground", "--force", f"--socket={munge}/socket",
            f"--key-file={key}", f"--log-file={munge}/log", f"--pid-file={munge}/pid",
            f"--seed-file={munge}/seed",
        ]  # fmt: skip
        self._daemon(*command)
        until((munge / "socket").exists, 30, "munged does not start")
        self._daemon(needs.path("slurmctld"), "-D")
        slurmd = needs.path("slurmd")
        for node in self.nodes:
            node.start(slurmd, "-D", "-N", node.name, SLURM_CONF=str(self.conf))
        until(self._all_up, 120, self.logs())

    def _all_up(self) -> bool:
        states = self.states()
        return len(states) == len(self.nodes) and set(states) <= {"idle", "drained", "draining"}

    def _daemon(self, *command: str) -> None:
        with (self.folder / "daemons.log").open("ab") as out:
            self.running.append(
                subprocess.Popen(
                    command, env=self.environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out
                )
            )

    def states(self, form: str = "%T") -> list[str]:
        """Of all nodes, as sinfo writes them."""
        command = [needs.path("sinfo"), "-h", "-N", "-o", form]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True)
        return done.stdout.splitlines()

    def set_down(self, node: Node, why: str) -> None:
        """As an administrator does."""
        command = [
            needs.path("scontrol"),
            "update",
            f"NodeName={node.name}",
            "State=DOWN",
            f"Reason={why}",
        ]
        subprocess.run(command, env=self.environ, check=True)

    def logs(self) -> str:
        """What the daemons said."""
        files = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{f.name}: {f.read_text()[-1500:]}" for f in files)

    def stop(self) -> None:
        """End all of it."""
        for node in self.nodes:
            node.kill()
        for child in reversed(self.running):
            child.terminate()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
