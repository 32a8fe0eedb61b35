"""A local program for each node, all at once."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from gpufix.fleet.engines import Answer, Work
from gpufix.process import Limits, NotStarted, Program, Stopped, run, stop_all

_FILES = 8  # descriptors of one program under way
_MOST = 1024


def programs(
    work: Work,
    nodes: Sequence[str],
    command: Callable[[str], Sequence[str | Path]],
    beside: float = 0.0,
) -> Iterator[Answer]:
    """The answers of `command(node)`, which gets the work's input and `beside` seconds more."""
    limits = Limits(work.seconds + beside, kept=work.kept, grace_s=2.0, patience_s=1.0)

    def one(node: str) -> Answer:
        return _answer(node, Program(list(command(node)), given=work.given), limits)

    pool = ThreadPoolExecutor(max(1, min(len(nodes), _room())))
    ended = False
    try:
        for future in as_completed([pool.submit(one, node) for node in nodes]):
            yield future.result()
        ended = True
    finally:
        if not ended:
            stop_all()
        pool.shutdown(wait=ended, cancel_futures=True)


def _room() -> int:
    """How many programs the limit of open files allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST * _FILES + 256
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(_MOST, (soft - 64) // _FILES))


def _answer(node: str, program: Program, limits: Limits) -> Answer:
    begin = time.monotonic()
    try:
        ended = run(program, limits)
    except (NotStarted, Stopped) as error:
        return Answer(node, problem=str(error) or "stopped", seconds=time.monotonic() - begin)
    problem = None
    if ended.timed_out:
        problem = f"no answer within {limits.seconds:.0f} s"
    elif ended.problem:
        problem = ended.problem
    return Answer(node, ended.out, ended.stderr, ended.code, problem, ended.seconds)
