"""A file that a reader has something to say of passes the test that stands before the reader."""

from __future__ import annotations

import ast
import random
from dataclasses import replace

import pytest

import removed_rows
from gpufix.knowledge import hip_api, removed_apis
from gpufix.source.cxx import cxx_facts, hip, used_names
from gpufix.source.cxx.code import CxxCode, directives, unmasked
from gpufix.source.python import modules, python_facts
from gpufix.source.source_facts import CxxFacts, PythonFacts
from gpufix.source.source_text import word_filter

KERNEL = "__global__ void k(int* out, const int* sums, int n) {{\n{body}\n}}\n"
LINES = [
    *(
        f"auto a = {name}();"
        for name in removed_apis.removed()
        if "cub" in name and "<" not in name
    ),
    *(f"  {name}(a, b);" for name in removed_apis.removed() if name.startswith("cuda")),
    *(f"int x = prop.{field};" for field in removed_apis.fields()["cudaDeviceProp"]),
    *(f"  {name}(0xffffffff, x);" for name in hip_api.CONSTRUCTS if "<" not in name),
    "cudaDeviceProp prop;",
    "auto m = cub :: Max();",
    'AT_DISPATCH_ALL_TYPES(x.type(), "f", [&] {});',
    'AT_CHECK(true, "no");',
    "uint32_t a; std::uintptr_t b; std::int8_t c; intmax_t d;",
    "float e = FLT_MAX + DBL_EPSILON;",
    "k << <1, 2 >> > (a);",
    "k<<<1, 2>> >(a);",
    'asm volatile("mov.u32 %0, %laneid;" : "=r"(x));',
    KERNEL.format(body="if (threadIdx.x < n) { __syncthreads(); }"),
    KERNEL.format(body="out[i] = (a - b) * (c - d);"),
    KERNEL.format(body="int o = sums[i - 1];\nfor (int j = 0; j < n; ++j) { out[o] = j; o++; }"),
    "cub::DeviceScan::InclusiveSum(t, s, g.counts, g.sums, n);",
    "#ifdef A",
    "#if B /* one line */ > 2 // rest",
    "#else",
    "#endif",
    "#define S __shfl_sync \\\n  (1)",
    "/*",
    "*/",
    'const char* s = "/* \\" ";',
    '#include "a//b.h"',
    "#include <vector>",
    "# include <torch/extension.h>",
    "// one \\",
    'R"(raw)"',
    "\ufeff#pragma once",
]


def _mixed(seed: int) -> str:
    rng = random.Random(seed)
    return "\n".join(rng.choices(LINES, k=rng.randint(1, 12))) + "\n"


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_no_reader_of_cxx_has_anything_to_say_of_what_its_sieve_drops(first: int) -> None:
    for text in [_mixed(seed) for seed in range(first, first + 50)] + LINES:
        code = CxxCode(text)
        for concerns, read in [*cxx_facts._READERS, cxx_facts._COUNTING]:
            assert concerns(text.encode()) or read(CxxFacts(), code) == CxxFacts(), text
        assert hip.concerns(text) or not hip.constructs(code), text


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_what_is_told_of_a_file_is_what_all_of_it_holds(first: int) -> None:
    """What is known before a file is read whole: no word of it is lost, and none is added."""
    for text in [_mixed(seed) for seed in range(first, first + 50)] + LINES:
        data = text.encode()
        whole, told = cxx_facts.describe(data), cxx_facts.more(data)
        rest = replace(whole, includes=(), needs={}, macros={})
        assert replace(told or CxxFacts(), macros={}) == rest, text
        names = cxx_facts.included(data)
        assert {row.name for row in whole.includes} <= set(names), text
        opening = cxx_facts.opening(data)
        needing = used_names.may_need(data, opening)
        assert needing or not whole.needs, text
        assert cxx_facts.with_includes(data, told, needing) == whole, text
        if opening is not None:
            first_ones = whole.includes[: len(opening.names)]
            assert tuple(dict.fromkeys(row.name for row in first_ones)) == opening.names, text
            assert not any(row.guards for row in first_ones), text


@pytest.mark.parametrize("name", [n for n, c in hip_api.CONSTRUCTS.items() if c.pattern])
def test_each_construct_is_found(name: str) -> None:
    data = f"int a;\nvoid f() {{ {name} (0xffffffff, x); }}\n".encode()
    assert [(use.name, use.line) for use in cxx_facts.describe_hip(data).hip] == [(name, 2)]


@pytest.mark.parametrize("row", removed_rows.every(), ids=lambda row: row.name)
def test_each_removed_name_is_found(row: removed_rows.Use) -> None:
    facts = cxx_facts.describe(row.text.encode())
    used = {use.name for use in facts.removed} | {f"<{header.name}>" for header in facts.includes}
    assert row.name in used, row.text
    if not row.name.startswith("<"):
        assert used_names.concerns(row.text.encode())


def test_directives_of_a_text_as_it_stands() -> None:
    read = 0
    for seed in range(600):
        text = _mixed(seed)
        quick = unmasked(text)
        if quick is None:
            continue
        read += 1
        slow = directives(CxxCode(text).masked)
        places = [(line.name, line.start, line.end) for line in quick]
        assert places == [(line.name, line.start, line.end) for line in slow], text
        told = [line.text for line in quick if line.name != "include"]
        assert told == [line.text for line in slow if line.name != "include"], text
    assert read > 100


def test_words_of_one_beginning() -> None:
    holds = word_filter(["__shfl_sync", "__shfl_up_sync", "a+b", "ab"])
    assert all(holds(f"x {word} y") for word in ("__shfl_up_sync", "a+b", "ab"))
    assert not any(holds(text) for text in ("", "__shfl", "__shflsync", "aab"[:2], "a b"))


PYTHON = {
    "extension": "from torch.utils.cpp_extension import load\nload('x', extra_cuda_cflags=['-arch=sm_90'])",
    "abi": "flags = ['-D_GLIBCXX_USE_CXX11_ABI=0']",
    "backends": "c = dr.RasterizeGLContext()",
    "writes": "import os\nos.environ['PYTORCH_ROCM_ARCH'] = 'gfx90a'",
    "choices": "import os\nb = os.getenv('ATTN_BACKEND', 'flash_attn')",
    "total_mem": "import torch\nn = torch.cuda.get_device_properties(0).total_mem",
    "hub": "from huggingface_hub import HfFolder",
    "tensors": "import torchvision.transforms.functional_tensor",
    "half": "def f(x):\n    return distCUDA2(x.half())",
    "stale_device": "class P:\n    @property\n    def device(self):\n        for m in self.models.values():\n"
    "            return m.device\n    def swap(self):\n        self.models['a'].to('cpu')",
}


@pytest.mark.parametrize("case", PYTHON)
def test_python_files_are_read(case: str) -> None:
    assert python_facts.scan(PYTHON[case].encode(), "x.py", "/p").facts != PythonFacts()


@pytest.mark.parametrize("name", sorted(n for n in modules.watched() if "(" not in n))
def test_each_removed_python_name_is_read(name: str) -> None:
    module, _, last = name.rpartition(".")
    for text in (f"import {module}\n{name}", f"from {module} import {last}"):
        facts = python_facts.scan(text.encode(), "x.py", "/p").facts
        assert [row.name for row in facts.names] == [name]


IMPORTS = [
    "import a.b as c, d",
    "from e import (  # why\n    f,\n    g as h,\n)",
    "from i \\\n    import j",
    "import \\\r\n    k",
    "try:\n    import l\nexcept ImportError:\n    from .m import n",
    "x = 1; import o; y = 2",
    "def p():\n\timport q",
    "important = '(' + \"import r\"",
    '"""\nimport (\n"""',
    "# import s (",
    "",
]


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_every_import_stands_in_the_lines_with_imports(first: int) -> None:
    for seed in range(first, first + 50):
        rng = random.Random(seed)
        text = "\n".join(rng.choices(IMPORTS, k=rng.randint(1, 8))) + "\n"
        lines = modules.import_lines(text.encode()).decode().split("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                module = getattr(node, "module", None) or node.names[0].name
                words = [module, *(name.name for name in node.names)]
                assert any(all(word in line for word in words) for line in lines), text


MEGABYTE = 1 << 20
LARGE = {
    "differences": b"__global__ x = (" + b"-a" * (MEGABYTE // 2),
    "comments": b"/*" * (MEGABYTE // 2),
    "number signs": b"#a " * (MEGABYTE // 3),
    "blanks after a chevron": b"<<<" + b"> " * (MEGABYTE // 2),
    "types": b"uint32_t " * (MEGABYTE // 9),
}


@pytest.mark.parametrize("case", LARGE)
def test_large_sources_of_one_thing_are_read_to_their_end(case: str) -> None:
    data = LARGE[case] + b"\n#include <last>\n"
    facts = cxx_facts.describe(data)
    names = [include.name for include in facts.includes]
    assert names == ([] if case == "comments" else ["last"])
    assert cxx_facts.describe_hip(data).shims == ()


def test_a_large_text_in_a_build_file() -> None:
    text = "A" * MEGABYTE + ".cu" + "/x.cu" * 1000
    data = f"from torch.utils import cpp_extension\nx = '{text}'\n".encode()
    assert len(python_facts.scan(data, "setup.py", "/p").sources or ()) == 1001
