"""SRC615: relative folders of headers that ninja does not find."""

from __future__ import annotations

from typing import Any

import builders as b
import source_tree as t
from rows import Fires, Given, rows

from gpufix.checks.registry import ERROR, Fault
from gpufix.checks.source.src615_relative_include import relative_include
from gpufix.model.source_payload import RelativeInclude

SETUP = """\
import os
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CUDAExtension
root = "ext"
flags = ["-O2", {0}]
setup(name="e", ext_modules=[CUDAExtension("e", ["ext/src/a.cpp", "ext/src/b.cu"],
    extra_compile_args={{"cxx": flags, "nvcc": flags}}{1})],
    cmdclass={{"build_ext": BuildExtension{2}}})
"""
FLAG = '"-I{}".format("{}/include".format(root))'
TWO_WORDS = '"-I", "ext/include"'


def of(
    flag: str = FLAG, more: str = "", ninja: str = "", folder: str = "", **sections: Any
) -> Given:
    """A setup.py with this flag (line 5), two sources, and a header in a folder of its own."""
    files: dict[str, str] = {
        f"{folder}setup.py": SETUP.format(flag, more, ninja),
        f"{folder}ext/src/a.cpp": '#include <torch/extension.h>\n#include "ops.h"\n',
        f"{folder}ext/src/b.cu": '#include "ops.h"\n',
        f"{folder}ext/include/ops.h": "",
    }
    files |= sections.pop("files", {})
    return t.project(
        files, "sm_120", **({"tools": [b.tool("ninja")], "distributions": []} | sections)
    )


def lost(flag: str = "-Iext/include", folder: str = "") -> Fault:
    setup, source = f"{folder}setup.py", f"{folder}ext/src/a.cpp"
    return Fault(
        ERROR,
        setup,
        f"{setup} compiles with {flag}, which ninja seeks in the folder of the objects: {source} does "
        "not find ops.h.",
        evidence=(t.at(setup, 5, flag), t.at(source, 2, "includes ops.h")),
        payload=RelativeInclude(setup, f"{folder}ext/include"),
    )


SILENT: dict[str, Given] = {
    "no such flag": of('"-g"'),
    "an absolute folder": of('"-I" + os.path.abspath("ext/include")'),
    "include_dirs, which torch makes absolute": of(more=', include_dirs=["ext/include"]'),
    "include_dirs that only a run tells": of(more=", include_dirs=[ask()]"),
    "without ninja": of(ninja=".with_options(use_ninja=False)"),
    "ninja is not here": of(tools=[]),
    "the header lies beside the sources": of(files={"ext/src/ops.h": ""}),
    "nothing includes it": of(files={"ext/src/a.cpp": "", "ext/src/b.cu": ""}),
    "included where nothing is compiled": of(
        files={"ext/src/a.cpp": '#if 0\n#include "ops.h"\n#endif\n', "ext/src/b.cu": ""}
    ),
    "CPATH": lambda root: of(env={"CPATH": f"/x:{root}/ext/include"})(root),
    "a folder that is not here": of('"-Iother"'),
    "carried along": of(folder="third_party/e/"),
}
ADDS = ["search-own-headers safe"]
FIRING = {
    "a flag of one word": Fires(of(), lost(), offers=ADDS),
    "a flag of two": Fires(of(TWO_WORDS), lost("-I"), offers=ADDS),
    "a setup.py in a folder": Fires(of(folder="ops/"), lost(folder="ops/"), offers=ADDS),
    "ninja of a wheel": Fires(
        of(tools=[], distributions=[b.dist("ninja", "1.13.2")]), lost(), offers=ADDS
    ),
}

test_silent, test_firing = rows(relative_include, SILENT, FIRING)
