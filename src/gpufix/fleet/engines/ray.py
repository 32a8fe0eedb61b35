"""Nodes by Ray: one task a node, bound to it, that asks for no CPU and is not tried again."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, redirect_stdout
from typing import Any

from gpufix.fleet.engines import PYTHON, Answer, CannotReach, Work, ray_task, words

_STARTS = 30.0  # seconds in which Ray may start a worker on a node


class Ray:
    """`address` as ray.init takes it: "auto", "127.0.0.1:6379", "ray://head:10001"."""

    def __init__(self, address: str = "auto") -> None:
        try:
            import ray
        except ImportError as error:
            install = shlex.join([sys.executable, "-m", "pip", "install", "ray"])
            raise CannotReach(f"Ray cannot be imported ({error}): {install}") from None
        self._ray: Any = ray
        self._ids: dict[str, str] = {}
        self._own = not ray.is_initialized()
        self._address = address
        self._open = ExitStack()

    def nodes(self) -> list[str]:
        """Those that Ray says are alive, by the names that they were started with."""
        if self._own and not self._ray.is_initialized():
            # Ray's threads print of nodes that die on standard output, which is the report's.
            self._open.enter_context(redirect_stdout(sys.stderr))
            try:
                self._ray.init(
                    address=self._address, log_to_driver=False, logging_level="ERROR",
                    configure_logging=False,
                )  # fmt: skip
            except (ConnectionError, ValueError, RuntimeError, OSError) as error:
                raise CannotReach(f"Ray at {self._address!r}: {_line(error)}") from None
        rows = [row for row in self._ray.nodes() if row.get("Alive")]
        names = Counter(map(_name, rows))
        for row in rows:
            name = _name(row)
            if names[name] > 1:  # several raylets of one machine
                name = f"{name}-{row['NodeID'][:8]}"
            self._ids[name] = row["NodeID"]
        return list(self._ids)

    def submit(self, work: Work, nodes: Sequence[str]) -> Iterator[Answer]:
        """Ray tells of nodes that die; at the deadline, what is still under way is given up."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as Affinity

        self._ray.cloudpickle.register_pickle_by_value(ray_task)
        task = self._ray.remote(num_cpus=0, max_retries=0)(ray_task.run)
        given = self._ray.put(work.given)
        begin = time.monotonic()
        pending = {
            task.options(
                scheduling_strategy=Affinity(self._ids[node], soft=False), name="gpufix fleet"
            ).remote(words(work, node, PYTHON), given, work.seconds, work.kept): node
            for node in nodes
        }
        until = begin + work.seconds + _STARTS
        while pending and time.monotonic() < until:
            ready, _ = self._ray.wait(list(pending), num_returns=1, timeout=1.0)
            for reference in ready:
                yield self._answer(pending.pop(reference), reference, begin)
        for reference, node in pending.items():
            self._ray.cancel(reference, force=True)
            problem = f"no answer within {until - begin:.0f} s: Ray has not run the task to its end"
            yield Answer(node, problem=problem, seconds=time.monotonic() - begin)

    def _answer(self, node: str, reference: Any, begin: float) -> Answer:
        try:
            code, out, err, problem, seconds = self._ray.get(reference)
        except Exception as error:  # a dead node, a crashed worker, a Python without Ray's modules
            spent = time.monotonic() - begin
            return Answer(node, problem=f"Ray: {_line(error)}", seconds=spent)
        return Answer(node, out, err, code, problem, seconds)

    def close(self) -> None:
        """Leave the cluster, unless the caller was in it before."""
        if self._own and self._ray.is_initialized():
            self._ray.shutdown()
        self._open.close()


def _name(row: dict[str, Any]) -> str:
    """The name that `ray start --node-name` gave, else the host's."""
    name, address = row.get("NodeName"), row.get("NodeManagerAddress")
    host = row.get("NodeManagerHostname") or address or row["NodeID"]
    return str(name if name and name != address else host)


def _line(error: BaseException) -> str:
    """The type, and the first line of what it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"
