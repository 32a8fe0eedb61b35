"""Readers of what installers wrote: METADATA, RECORD, direct_url.json, variant.json, conda's records."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path

from fuzz_target import Target, as_file

MEMORY = "/dev/shm"


def metadata() -> Callable[[bytes], object]:
    from gpufix.facts.packages.metadata import parse

    return parse


def metadata_errors() -> tuple[type[BaseException], ...]:
    from gpufix.facts.packages.metadata import CorruptMetadata

    return (CorruptMetadata,)


def _site(name: str) -> Callable[[], Callable[[bytes], object]]:
    """The input as a file of a distribution, which is then looked at as the doctor does."""

    def load() -> Callable[[bytes], object]:
        from gpufix.facts.context import CollectContext
        from gpufix.facts.packages import record_file
        from gpufix.facts.packages.metadata import describe_dist_info

        # In memory: a disk is written to whenever a file is cut off and written anew.
        folder = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        info = folder / "x-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Name: x\nVersion: 1\n")
        (info / name).touch()

        def read(data: bytes) -> object:
            (info / name).write_bytes(data)
            ctx = CollectContext(environ={})
            found: list[object] = [describe_dist_info(ctx, str(folder), info.name)]
            if name == "RECORD":
                with record_file.opened(str(folder), str(folder)) as site:
                    budget = record_file.Budget(1 << 20)
                    record = record_file.check(ctx, site, f"{info.name}/RECORD", budget)
                    shared = [("a", record), ("b", record)] if record else []
                    found += [record, record_file.find(site, shared, deep=False)]
            return found, ctx.gaps

        return read

    return load


def conda() -> Callable[[bytes], object]:
    from gpufix.facts.context import CollectContext
    from gpufix.facts.packages.conda import _package

    def read(data: bytes) -> object:
        ctx = CollectContext(environ={})
        return _package(ctx, "/nowhere", Path(as_file(data))), ctx.gaps

    return read


def _of_here(name: str) -> Callable[[], Iterator[bytes]]:
    """The smallest of the environment that fuzzes."""

    def seeds() -> Iterator[bytes]:
        texts = [dist.read_text(name) or "" for dist in distributions()]
        yield from (text.encode()[:4096] for text in sorted(texts, key=len) if text)

    return seeds


def _conda() -> Iterator[bytes]:
    yield (
        b'{\n  "name": "x",\n  "version": "1",\n  "build": "0",\n  "depends": ["a >=1"],\n'
        b'  "files": ["lib/x.so", "x-1.dist-info/METADATA"],\n  "paths_data": {\n    "paths": []\n'
        b'  },\n  "channel": "https://u:p@conda.anaconda.org/t/tk-1/c/linux-64"\n}\n'
    )


TARGETS = {
    "metadata": Target(metadata, metadata_errors, _of_here("METADATA")),
    "record": Target(_site("RECORD"), seeds=_of_here("RECORD")),
    "direct_url": Target(
        _site("direct_url.json"),
        seeds=lambda: [b'{"url": "file:///a", "dir_info": {"editable": true}}'],
    ),
    "variant": Target(
        _site("variant.json"),
        seeds=lambda: [
            b'{"$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",'
            b' "variants": {"a": {"nvidia": {"sm_arch": ["90_real"]}}}}'
        ],
    ),
    "wheel_file": Target(_site("WHEEL"), seeds=_of_here("WHEEL")),
    "conda": Target(conda, seeds=_conda),
}
