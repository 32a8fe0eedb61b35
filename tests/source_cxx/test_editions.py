"""What C++17 and C++20 took out of std, and compilers keep: raising the edition breaks none of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import needs

# The standard has them no more; libstdc++ marks them as deprecated.
KEPT = """\
#include <algorithm>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <type_traits>
struct I : std::iterator<std::input_iterator_tag, int> {};
struct P : std::unary_function<int, bool> { bool operator()(int) const { return true; } };
struct Q : std::binary_function<int, int, int> {};
struct A { int f() { return 1; } };
int g(int);
std::result_of<decltype(&g)(int)>::type a;
std::auto_ptr<int> b;
auto c = std::bind1st(std::plus<int>(), 1);
auto d = std::bind2nd(std::plus<int>(), 1);
auto e = std::mem_fun(&A::f);
auto f = std::ptr_fun(g);
auto h = std::not1(P());
bool i = std::is_literal_type<int>::value || std::uncaught_exception();
auto j = std::get_temporary_buffer<int>(3);
bool k(std::shared_ptr<int> p) { return p.unique(); }
void l(int* x, int* y) { std::random_shuffle(x, y); }
"""


@pytest.mark.needs("g++")
def test_names_that_the_standard_removed_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "kept.cpp").write_text(KEPT)
    for edition in ("c++17", "c++20"):
        command = [needs.path("g++"), "-w", "-fsyntax-only", f"-std={edition}", "kept.cpp"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr[:2000]
