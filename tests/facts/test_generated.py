"""Generated code that asks for a release of what it runs on, and the imports that lead to it."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest
from fake_site import Site

from gpufix.facts.context import CollectContext
from gpufix.facts.libraries import libraries
from gpufix.facts.packages import distributions

GRPC = (
    "import grpc\n\nGRPC_GENERATED_VERSION = '{}'\nGRPC_VERSION = grpc.__version__\n_version_not_supported = False\n\n"
    "try:\n    from grpc._utilities import first_version_is_lower\n"
    "    _version_not_supported = first_version_is_lower(GRPC_VERSION, GRPC_GENERATED_VERSION)\n"
    "except ImportError:\n    _version_not_supported = True\n\nif _version_not_supported:\n    raise RuntimeError(\n"
)
WARNS = GRPC.replace("    raise RuntimeError(", "    warnings.warn(")
CHECKED = (
    "from google.protobuf import runtime_version as _runtime_version\n"
    "_runtime_version.ValidateProtobufRuntimeVersion(\n    _runtime_version.Domain.PUBLIC,\n    {},\n    '{}',\n    'a'\n)\n"
)
NEW = CHECKED.format("5,\n    29,\n    0", "")
BUILT = "from google.protobuf.internal import builder as _builder\n"
OLD = "DESCRIPTOR = _descriptor.FileDescriptor(\n  name='a')\n_A = _descriptor.Descriptor(\n  name='A')\n"
CHOSEN = "import google.protobuf as p\nif p.x:\n" + "".join(f"  {x}\n" for x in OLD.splitlines())
USES = "from q import a_pb2\n"
# Files of q, releases that are here, variables, and (module, whether it is a part, what is wanted).
CASES: dict[
    str, tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str], tuple[str, bool, str] | None]
] = {
    # silent
    "the release that it was generated for": (
        {"q/__init__.py": USES, "q/a_pb2.py": NEW}, {"protobuf": "5.29.0"}, {}, None
    ),
    "a later major": ({"q/__init__.py": USES, "q/a_pb2.py": NEW}, {"protobuf": "7.34.0"}, {}, None),
    "protobuf is not here": ({"q/__init__.py": USES, "q/a_pb2.py": NEW}, {"grpcio": "1.70.0"}, {}, None),
    "the check is turned off": (
        {"q/__init__.py": USES, "q/a_pb2.py": NEW},
        {"protobuf": "5.28.0"},
        {"TEMPORARILY_DISABLE_PROTOBUF_VERSION_CHECK": "true"},
        None,
    ),
    "of a release candidate": (
        {"q/__init__.py": USES, "q/a_pb2.py": CHECKED.format("5,\n    29,\n    0", "-rc1")},
        {"protobuf": "5.28.0"}, {}, None,
    ),
    "nothing imports it": ({"q/__init__.py": "", "q/b.py": "", "q/a_pb2.py": NEW}, {"protobuf": "5.28.0"}, {}, None),
    "tried": (
        {"q/__init__.py": "try:\n    from q import a_pb2\nexcept Exception:\n    pass\n", "q/a_pb2.py": NEW},
        {"protobuf": "5.28.0"}, {}, None,
    ),
    "for people who check types": (
        {
            "q/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from q import a_pb2\n",
            "q/b.py": "", "q/a_pb2.py": NEW,
        },
        {"protobuf": "5.28.0"}, {}, None,
    ),
    "one of several is chosen": (
        {"q/__init__.py": "", "q/v3/a_pb2.py": OLD, "q/v5/a_pb2.py": NEW}, {"protobuf": "5.28.0"}, {}, None
    ),
    "chosen in the file": ({"q/__init__.py": USES, "q/a_pb2.py": CHOSEN}, {"protobuf": "5.28.0"}, {}, None),
    "old code, protobuf of Python alone": ({"q/__init__.py": USES, "q/a_pb2.py": OLD}, {"protobuf": "4.25.0"}, {}, None),
    "old code, the other implementation is asked for": (
        {"q/__init__.py": USES, "q/a_pb2.py": OLD, "google/_upb/_message.abi3.so": ""},
        {"protobuf": "4.25.0"},
        {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"},
        None,
    ),
    "old code and old protobuf": (
        {"q/__init__.py": USES, "q/a_pb2.py": OLD, "google/_upb/_message.abi3.so": ""}, {"protobuf": "3.20.3"}, {}, None
    ),
    "gRPC's of the release": (
        {"q/__init__.py": "from q import a_pb2_grpc\n", "q/a_pb2_grpc.py": GRPC.format("1.67.0")}, {"grpcio": "1.67.0"}, {}, None
    ),
    "gRPC's that warns": (
        {"q/__init__.py": "from q import a_pb2_grpc\n", "q/a_pb2_grpc.py": WARNS.format("1.64.0")}, {"grpcio": "1.60.0"}, {}, None
    ),
    # told
    "an older protobuf": (
        {"q/__init__.py": USES, "q/a_pb2.py": NEW}, {"protobuf": "5.28.3"}, {}, ("q", False, "protobuf>=5.29.0")
    ),
    "before the check was there": (
        {"q/__init__.py": USES, "q/a_pb2.py": NEW}, {"protobuf": "4.25.8"}, {}, ("q", False, "protobuf>=5.29.0")
    ),
    "before the builder was there": (
        {"q/__init__.py": USES, "q/a_pb2.py": BUILT}, {"protobuf": "3.19.6"}, {}, ("q", False, "protobuf>=3.20")
    ),
    "old code and protobuf's compiled part": (
        {"q/__init__.py": USES, "q/a_pb2.py": OLD, "google/_upb/_message.abi3.so": ""},
        {"protobuf": "4.25.2"}, {}, ("q", False, "protobuf<4"),
    ),
    "an older gRPC": (
        {"q/__init__.py": "from q import a_pb2_grpc\n", "q/a_pb2_grpc.py": GRPC.format("1.67.0")},
        {"grpcio": "1.66.2"}, {}, ("q", False, "grpcio>=1.67.0"),
    ),
    "tried for want of it, which is not what is raised": (
        {
            "q/__init__.py": "try:\n    from q import a_pb2_grpc\nexcept ImportError:\n    pass\n",
            "q/a_pb2_grpc.py": GRPC.format("1.78.0"),
        },
        {"grpcio": "1.75.1"}, {}, ("q", False, "grpcio>=1.78.0"),
    ),
    "in a part": (
        {"q/__init__.py": "", "q/part/__init__.py": "from q.inner import (\n    a_pb2,\n)\n", "q/inner/a_pb2.py": NEW},
        {"protobuf": "5.28.3"}, {}, ("q.part", True, "protobuf>=5.29.0"),
    ),
    "nothing but generated code": (
        {"q/__init__.py": "", "q/v1/a_pb2.py": NEW}, {"protobuf": "5.28.3"}, {}, ("q.v1.a_pb2", True, "protobuf>=5.29.0")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_import_that_leads_to_it_is_told(name: str, site: Site, ctx: CollectContext) -> None:
    files, here, environ, expected = CASES[name]
    ctx.environ.update(environ)
    mine = {path: text.encode() for path, text in files.items() if path.startswith("q/")}
    site.install("q", files=mine)
    for dist, version in here.items():
        others = {p: t.encode() for p, t in files.items() if p.startswith("google/")}
        checks = {"google/protobuf/__init__.py": b""}
        if dist == "protobuf" and int(version.partition(".")[0]) >= 5:
            checks["google/protobuf/runtime_version.py"] = b""
        site.install(dist, version, {**others, **checks} if dist == "protobuf" else {})
    python = site.python(executable=sys.executable)
    dists, _ = distributions.collect(ctx, python)
    found = [one for one in libraries.collect(ctx, python, dists, None).imports if one.wants]
    assert [(i.module, i.part_of is not None, i.wants) for i in found] == [expected] * bool(
        expected
    )
