"""SRC603: standard names without their header, in the order in which a unit is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import source_tree as t
from cxx_sources import HEADER, SETUP, UNIT, gcc, named, rocm
from rows import Fires, Given, Unseen, rows

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault
from gpufix.checks.source.src603_missing_include import missing_include
from gpufix.evidence.view import View
from gpufix.model import Evidence, Severity
from gpufix.model.source_payload import MissingInclude

INCLUDED = ["include-header safe"]


def of(
    version: str | None = "13.2.0", sections: dict[str, Any] | None = None, **files: str
) -> Given:
    """setup.py builds ext.cu, which includes impl.h, which includes other.h; and this GCC."""
    given = {"impl__h": HEADER, "other__h": "\n", "ext__cu": UNIT} | files
    return t.project(named(given), **(gcc(version) | (sections or {})))


def alone(text: str | bytes, path: str = "ext.cu", **sections: Any) -> Given:
    """One source, which setup.py builds when it is ext.cu."""
    files = {"setup.py": SETUP, "ext.cu": "", path: text}
    return t.project(files, **(gcc("13.2.0") | sections))


def uses(
    name: str,
    line: int,
    path: str = "impl.h",
    header: str = "cstdint",
    why: str = "; GCC 13.2.0 does not bring it along",
    severity: Severity = ERROR,
    unit: str | None = "ext.cu",
) -> Fault:
    compiled = [Evidence(text=f"compiled in {unit}")] if unit else []
    return Fault(
        severity,
        path,
        f"{path} uses {name} without <{header}>{why}.",
        evidence=(t.at(path, line, name), *compiled),
        payload=MissingInclude(path, header),
    )


def replayed(root: Path) -> View:
    """What a snapshot of the project answers."""
    view = t.look(t.write(root, named({"impl__h": HEADER, "other__h": "\n", "ext__cu": UNIT})))
    view = View(replace(view.facts, **gcc("13.2.0")), view.targets, view._ask)
    t.found(missing_include, view)
    return View(replace(view.facts, answers=view.answers), view.targets)


LATER = "; GCC 13 and newer do not bring it along"
CLANG = {"tools": [b.tool("clang++", "17.0.1")], "env": {"CC": "clang++"}}

SILENT = {
    "included": of(impl__h=f"#include <cstdint>\n{HEADER}"),
    "the C header": of(impl__h=f"#include <stdint.h>\n{HEADER}"),
    "by a header of the project": of(other__h="#include <cstdint>\n"),
    "by a header that may": of(other__h="#include <torch/extension.h>\n"),
    "by one of the library's": of(other__h="#include <memory>\n"),
    "of C": alone("uint32_t n;\n", "ext.c"),
    "own type": of(impl__h=HEADER.replace("struct", "typedef unsigned uint32_t;\nstruct")),
    "in a comment": of(impl__h=HEADER.replace("uint32_t* p;", "/* uint32_t* p; */")),
    "left out": of(impl__h=HEADER.replace("struct S", "#ifdef _WIN32\nstruct S") + "#endif\n"),
    "signed": of(impl__h=HEADER.replace("uint32_t", "int32_t")),
    "included late": of(ext__cu='#include <cstdint>\n#include "impl.h"\n'),
    "another's member": of(impl__h=HEADER.replace("uint32_t*", "my::uint32_t*")),
    "another's member, with blanks": alone("#include <vector>\nmy :: uint8_t a;\n"),
    "float limits, included": alone("#include <float.h>\nfloat a = FLT_MAX;\n"),
    "no project": b.view(b.healthy(project=None)),
    "carried along": alone("#include <vector>\nstd::uint8_t a;\n", "third_party/x/a.cpp"),
    "hipcc includes it first": of(sections=rocm("6.4")),
    "binary": Unseen(alone(b"\x7fELF\0\0\0uint32_t"), ["/src/project/ext.cu"]),
    "too large": Unseen(alone(b"// uint32_t\n" * 400_000), ["/src/project/ext.cu"]),
}

FIRING = {
    "GCC 13": Fires(of(), uses("uint32_t", 4), offers=INCLUDED),
    "GCC 13.1, the first": Fires(
        of("13.1"), uses("uint32_t", 4, why="; GCC 13.1 does not bring it along"), offers=INCLUDED
    ),
    "GCC 14": Fires(
        of("14.1.0"),
        uses("uint32_t", 4, why="; GCC 14.1.0 does not bring it along"),
        offers=INCLUDED,
    ),
    "GCC 12 still brings it": Fires(
        of("12.3.0"), uses("uint32_t", 4, why=LATER, severity=ADVICE), offers=INCLUDED
    ),
    "GCC of an unknown version": Fires(
        of(None), uses("uint32_t", 4, why=LATER, severity=ADVICE), offers=INCLUDED
    ),
    "clang": Fires(
        of(sections=CLANG), uses("uint32_t", 4, why=LATER, severity=ADVICE), offers=INCLUDED
    ),
    "no compiler": Fires(
        of(sections={"tools": []}),
        uses("uint32_t", 4, why=LATER, severity=ADVICE),
        offers=INCLUDED,
    ),
    "by a header that brings nothing": Fires(
        of(other__h="#include <map>\n"), uses("uint32_t", 4), offers=INCLUDED
    ),
    "no build file names the source": Fires(
        alone("#include <vector>\nstd::uint8_t a;\n", "sample.cpp"),
        uses("std::uint8_t", 2, "sample.cpp", severity=WARNING, unit=None),
        offers=INCLUDED,
    ),
    "hipcc does not compile it": Fires(
        alone("#include <vector>\nstd::uint8_t a;\n", "sample.cpp", **rocm("6.4")),
        uses("std::uint8_t", 2, "sample.cpp", severity=WARNING, unit=None),
        offers=INCLUDED,
    ),
    "with blanks around the qualifier": Fires(
        alone("#include <vector>\nstd :: int8_t a;\n"),
        uses("std::int8_t", 2, "ext.cu", unit=None),
        offers=INCLUDED,
    ),
    "of no namespace, with blanks": Fires(
        alone("#include <vector>\nconst :: uint8_t a = 1;\n"),
        uses("::uint8_t", 2, "ext.cu", unit=None),
        offers=INCLUDED,
    ),
    "float limits": Fires(
        alone("#include <cmath>\nfloat a = FLT_MAX;\n", **gcc("9.4.0")),
        uses("FLT_MAX", 2, "ext.cu", "cfloat", "", unit=None),
        offers=INCLUDED,
    ),
    "Latin-1": Fires(
        alone("// é\n#include <vector>\nuint32_t a;\n".encode("latin-1")),
        uses("uint32_t", 3, "ext.cu", unit=None),
        offers=INCLUDED,
    ),
    "a snapshot": Fires(replayed, uses("uint32_t", 4)),
}

test_silent, test_firing = rows(missing_include, SILENT, FIRING)
