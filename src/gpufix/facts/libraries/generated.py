"""Code that protoc and gRPC's plug-in generated, which asks for a release of what it runs on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from posixpath import basename, dirname

from gpufix.facts.libraries.dependents import recorded, sources
from gpufix.facts.libraries.modules import Modules
from gpufix.facts.reading import read
from gpufix.frozen import Frozen
from gpufix.model import Distribution
from gpufix.text.names import module_name

_FILE = re.compile(r"_pb2(?:_grpc)?\.py$")
_HEAD, _WHOLE = 8 << 10, 1 << 20
_FILES = 400  # of one distribution
_USERS, _PARTS = 300, 4  # sources in which users of one are looked for, modules that are asked
_GRPC = re.compile(
    rb"^GRPC_GENERATED_VERSION = '(\d+\.\d+\.\d+)(?s:.)*^if _version_not_supported:\n    raise ",
    re.MULTILINE,
)
_PROTOBUF = re.compile(
    rb"^_runtime_version\.ValidateProtobufRuntimeVersion\(\s*_runtime_version\.Domain\.PUBLIC,"
    rb"\s*(\d+),\s*(\d+),\s*(\d+),\s*''",
    re.MULTILINE,
)
_BUILDER = re.compile(rb"^from google\.protobuf\.internal import builder\b", re.MULTILINE)
_OLD = re.compile(rb"^DESCRIPTOR = _descriptor\.FileDescriptor\(", re.MULTILINE)
_MAKES = re.compile(rb"^\w+ = _descriptor\.(?:Enum|Service)?Descriptor\(", re.MULTILINE)
_BEFORE_4 = "protobuf<4"
_UNCHECKED = "TEMPORARILY_DISABLE_PROTOBUF_VERSION_CHECK"
_PURE = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"


class Demand(Frozen):
    """What generated code asks for, "grpcio>=1.67.0", and the exception that it raises in vain."""

    row: str
    raises: str


class Unfit(Frozen):
    """Generated modules of a distribution that raise. `parts`: modules that may lead to them, the outermost first."""

    owner: str
    modules: Mapping[str, Demand]
    parts: tuple[str, ...]


def unfit(
    distributions: Sequence[Distribution], modules: Modules, environ: Mapping[str, str]
) -> Iterator[Unfit]:
    """Told by what protobuf and grpcio here say when they run such code."""
    here = {dist.name: dist.version for dist in distributions}
    for dist in distributions:
        if not dist.metadata or dist.editable or not here.keys() & {"protobuf", "grpcio"}:
            continue
        if "_pb2" not in recorded(dist):
            continue
        every = sources(dist)
        asked = _asked(dist, [path for path in every if _FILE.search(path)][:_FILES])
        failing = {
            path: lost[0]
            for path, rows in asked.items()
            if (lost := [one for one in rows if not _holds(one.row, here, modules, environ)])
        }
        if failing:
            yield Unfit(
                dist.name,
                {module_name(path): one for path, one in failing.items()},
                tuple(_leading(dist, every, failing)),
            )


def _asked(dist: Distribution, paths: Sequence[str]) -> dict[str, tuple[Demand, ...]]:
    """By path. Of files of one name in several folders one is chosen when they run: these are left out."""
    found = {path: tuple(_demands(f"{dist.location}/{path}")) for path in paths}
    kinds: dict[str, set[tuple[str, ...]]] = {}
    for path, rows in found.items():
        kinds.setdefault(basename(path), set()).add(tuple(one.row for one in rows))
    return {path: rows for path, rows in found.items() if len(kinds[basename(path)]) == 1}


def _demands(path: str) -> Iterator[Demand]:
    """What a file asks for under no condition."""
    try:
        text = read(path, _HEAD)
        if _OLD.search(text):
            text = read(path, _WHOLE)
    except OSError:
        return
    if found := _GRPC.search(text):
        yield Demand(f"grpcio>={found[1].decode()}", "RuntimeError")
    if found := _PROTOBUF.search(text):
        release = ".".join(number.decode() for number in found.groups())
        yield Demand(f"protobuf>={release}", "Exception")
    elif _BUILDER.search(text):
        yield Demand("protobuf>=3.20", "ImportError")
    elif _OLD.search(text) and _MAKES.search(text):
        yield Demand(_BEFORE_4, "TypeError")


def _holds(row: str, here: Mapping[str, str], modules: Modules, environ: Mapping[str, str]) -> bool:
    from packaging.requirements import Requirement
    from packaging.version import InvalidVersion

    requirement = Requirement(row)
    version = here.get(requirement.name)
    if version is None:
        return True
    if row == _BEFORE_4:  # its compiled part alone minds
        compiled = modules.find("google._upb._message")
        if environ.get(_PURE) == "python" or compiled is None or compiled.kind != "extension":
            return True
    elif requirement.name == "protobuf" and environ.get(_UNCHECKED, "").lower() == "true":
        return True
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return True


def _leading(dist: Distribution, paths: Sequence[str], failing: Collection[str]) -> Iterator[str]:
    """Modules that import one of these under no condition; they themselves where nothing else is there."""
    own = [path for path in paths if not _FILE.search(path)]
    stems = "|".join(sorted({re.escape(basename(path)[:-3]) for path in failing}))
    asks = re.compile(rf"^(?:from|import)\b[^\n#]*\b(?:{stems})\b".encode(), re.MULTILINE)
    asks_many = re.compile(rf"^from\b[^\n#(]*\([^)]*\b(?:{stems})\b".encode(), re.MULTILINE)
    near = {dirname(path) for path in failing}
    near |= {dirname(folder) for folder in near}
    few = own if len(own) <= _USERS else [path for path in own if dirname(path) in near]
    users, speaks = [], False
    named = re.compile(rf"\b(?:{stems})\b".encode())
    for path in few[:_USERS]:
        try:
            text = read(f"{dist.location}/{path}", _WHOLE)
        except OSError:
            continue
        speaks = speaks or named.search(text) is not None
        if asks.search(text) or asks_many.search(text):
            users.append(module_name(path))
    if not speaks and all(basename(path) == "__init__.py" for path in own):
        users = [module_name(path) for path in failing]
    above = {name.rpartition(".")[0] for name in users if name.count(".") > 1}
    yield from sorted(above | {*users}, key=lambda name: (name.count("."), "._" in name, name))[
        :_PARTS
    ]
