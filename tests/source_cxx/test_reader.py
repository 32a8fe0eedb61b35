"""The C++ reader: comments, literals, conditions, brackets, functions and launches."""

from __future__ import annotations

import pytest

from gpufix.source.cxx.code import CxxCode, mask
from gpufix.source.cxx.cxx_facts import describe
from gpufix.source.cxx.expression import evaluate
from gpufix.source.cxx.functions import arguments, device_functions, launches
from gpufix.source.source_facts import CxxFacts
from gpufix.source.source_text import UndecodableText

MASKED = {
    "no comment": ("a / b; c", "a / b; c"),
    "line comment": ("a; // x\nb", "a;     \nb"),
    "continued line comment": ("a; // x\\\ny\nb", "a;      \n \nb"),
    "block comment": ("a /* x\ny */ b", "a     \n     b"),
    "unterminated comment": ("a /* x", "a     "),
    "string": ('f("a // b")', 'f("      ")'),
    "escaped quote": (r'f("a\"b") c', 'f("    ") c'),
    "raw string": ('f(R"x(a")y)x") b', 'f(R"        ") b'),
    "character": (r"'\'' + '\"'", "'  ' + '  '"),
    "digit separators": ("1'000'000 + 'a'", "1'000'000 + ' '"),
    "apostrophe in #error": ("#error don't\nint a;", None),
    "comment in string": ('"/*" a "*/"', '"  " a "  "'),
}


@pytest.mark.parametrize("case", MASKED)
def test_comments_are_blanked_and_literals_emptied(case: str) -> None:
    text, expected = MASKED[case]
    masked = mask(text)
    assert len(masked) == len(text)
    assert masked.count("\n") == text.count("\n")
    if expected is not None:
        assert masked == expected
    else:
        assert masked.endswith("int a;")


KNOWN = {"CUDART_VERSION": 13000, "USE_ROCM": None, "A": 1}
EXPRESSIONS = {
    "CUDART_VERSION >= 13000": True,
    "CUDART_VERSION >= 11000 && CUDART_VERSION < 12000": False,
    "defined(USE_ROCM)": False,
    "!defined USE_ROCM && A": True,
    "USE_ROCM": False,
    "MYSTERY": None,
    "defined(MYSTERY)": None,
    "MYSTERY && defined(USE_ROCM)": False,
    "MYSTERY || A": True,
    "__has_include(<x.h>)": None,
    "(CUDART_VERSION / 1000) == 13": True,
    "1 / 0": None,
    "LOCAL > 2": True,
    "(": None,
    "": None,
    "0x10 == 16 && 1'000 == 1000": True,
    "~0 == -1": True,
    "² > 1": None,
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_in_three_values(expression: str) -> None:
    assert evaluate(expression, KNOWN, {"LOCAL": "(2 + 1)"}) is EXPRESSIONS[expression]


def test_a_number_of_thousands_of_digits_is_not_known() -> None:
    assert evaluate("9" * 5000, {}) is None


def test_conditions_nest_and_alternate() -> None:
    code = CxxCode("a\n#if X\nb\n# ifdef Y\nc\n#else\nd\n#endif\n#elif Z\ne\n#endif\nf\n")
    at = {c: code.conditions.at(code.text.index(f"\n{c}\n") + 1) for c in "bcdef"}
    assert at["b"] == ("X",)
    assert at["c"] == ("X", "defined(Y)")
    assert set(at["d"]) == {"X", "!(defined(Y))"}
    assert set(at["e"]) == {"!(X)", "Z"}
    assert at["f"] == ()


@pytest.mark.parametrize("guard", ["#ifndef H\n#define H\n", "#if !defined(H)\n#define H\n"])
def test_an_include_guard_is_no_condition(guard: str) -> None:
    code = CxxCode(f"// header\n{guard}int a;\n#endif\n")
    assert code.conditions.at(code.text.index("int")) == ()


def test_one_branch_alone_counts_for_brackets() -> None:
    code = CxxCode("#if A\nvoid f() {\n#else\nvoid g() {\n#endif\n}\n#if 0\n{\n#endif\nint x[2];")
    opening = code.text.index("{")
    assert code.brackets[opening] == code.text.index("}")


def test_kernels_are_found_with_attributes_and_templates() -> None:
    code = CxxCode(
        "template <int N> __global__ void __launch_bounds__(N * 2)\nfoo(int* p, dim3 d = {1, 2})"
        " { if (p) { } }\n__global__ void declared(int);\n"
        "__forceinline__ __host__ __device__ float bar(float a) { return a; }\n"
    )
    found = device_functions(code)
    assert [(f.name, f.kernel) for f in found] == [("foo", True), ("bar", False)]
    assert arguments(code, found[0].parameters) == ["int* p", "dim3 d = {1, 2}"]


LAUNCHES = {
    "k<<<1, 2>>>(a);": [("k", False)],
    "k << <1, 2 >> > (a);": [("k", True)],
    "k<A, 3> << <dim3(1, 2), f<int>(3) >> >(a, b);": [("k", True)],
    "ns::k<<<n, 2, 0, s>>> (a);": [("k", False)],
    "std::cout << a << b;": [],
    "friend S& operator<< <>(S&, T);": [],
    "int x = 1 << 3;": [],
    "#define RUN k << <1, 2 >> >(a)": [],
}


@pytest.mark.parametrize("text", LAUNCHES)
def test_launches(text: str) -> None:
    code = CxxCode(f"void f() {{\n{text}\n}}\n")
    assert [(x.name, x.split(code.structure)) for x in launches(code)] == LAUNCHES[text]


HOSTILE = {
    "open brackets": b"({[" * 60_000 + b"__syncthreads() cub::Max uint32_t",
    "open comments": b"uint32_t /*" * 60_000,
    "quotes": b"uint32_t \"'" * 60_000,
    "raw strings": b'uint32_t R"(' * 60_000,
    "conditions": b"#if A\n" * 60_000 + b"uint32_t a;\n",
    "elif chain": b"#if A\n" + b"#elif B\n" * 60_000 + b"uint32_t a;\n#endif\n",
    "kernels": b"__global__ void k(" * 40_000 + b"__syncthreads()",
    "launches": b"k << <" * 60_000,
    "assignments": b"__global__ void k() { __syncthreads(); " + b"a = (b(" * 60_000 + b";}",
    "expression": b"#if " + b"(" * 60_000 + b"\nuint32_t a;\n#endif\n",
    "continuations": b"#define A \\\n" + b"x \\\n" * 60_000 + b"uint32_t\n",
    "includes": b"#include <a>\n" * 60_000,
    "spaces": b"__global__ k" + b" " * 300_000 + b"uint32_t",
    "names": b"__global__ void k(int* p) { p" + b"a" * 300_000 + b"[i - 1]; }",
}


@pytest.mark.some(5)
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_texts_are_read_to_their_end(case: str) -> None:
    assert isinstance(describe(HOSTILE[case]), CxxFacts)


def test_a_binary_is_no_text() -> None:
    with pytest.raises(UndecodableText):
        describe(b"\x7fELF\0\0 uint32_t #if")


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"#", b"#if", b"//", b'"'])
def test_odd_texts_have_nothing_to_tell(data: bytes) -> None:
    assert describe(data) == CxxFacts()
