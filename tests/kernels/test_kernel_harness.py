"""The harness's host side: what needs no GPU to be checked."""

from __future__ import annotations

import json
import select
import subprocess
from pathlib import Path

import pytest
from native import build_host, run_host, toolchain

from gpufix.kernels.manifest import COMMON, SUITE
from gpufix.kernels.toolchain import parse_target

COMPARE = r"""
#include <cstdio>
#include <vector>
#include "common/compare.h"
static void show(std::vector<double> got, std::vector<double> want) {
    auto e = gpu::compare(got.size(), [&](size_t i) { return got[i]; }, [&](size_t i) { return want[i]; });
    std::printf("%.17g %.17g\n", e.max_err, e.rel_err);
}
int main() {
    show({1, 2, 4}, {1, 2, 4});
    show({1, 2, 5}, {1, 2, 4});
    show({1, NAN, 4}, {1, 2, 4});
    show({1, INFINITY, 4}, {1, 2, 4});
    show({0, 0.5}, {0, 0});
    show({0, 0}, {0, 0});
}
"""


def test_compare(tmp_path: Path) -> None:
    exact, off, nan, inf, from_zero, zero = run_host(tmp_path, COMPARE)
    assert exact == [0, 0]
    assert off == [0.25, pytest.approx(1 / 21**0.5)]
    assert nan[0] == inf[0] == float("inf")
    assert from_zero == [0.5, 0.5]  # nothing to be relative to
    assert zero == [0, 0]


HOST = r"""
#define main program_main
#include "matmul/matmul.cu"
#undef main

int main() {
    for (float f : {1.0f, 1.00390625f, 1.01171875f, 3.0e38f, 3.4e38f, -0.0f, 1e-40f, NAN})
        std::printf("%.9g ", gpu::to_float(gpu::to_bf16(f)));
    std::printf("\n");
    constexpr size_t n = 64;
    std::vector<gpu::bf16> a(n * n), b(n * n), c(n * n);
    for (size_t i = 0; i < n * n; ++i) {
        a[i] = gpu::to_bf16(gpu::uniform_signed(1, i));
        b[i] = gpu::to_bf16(gpu::uniform_signed(2, i));
    }
    for (size_t i = 0; i < n * n; ++i)
        c[i] = gpu::to_bf16(float(element_reference(a.data(), b.data(), n, i / n, i % n)));
    std::printf("%g ", freivalds(a.data(), b.data(), c.data(), n, 3));
    for (size_t i = 0; i < 16; ++i) c[20 * n + i] = gpu::to_bf16(0);  // one row of one tile
    std::printf("%g ", freivalds(a.data(), b.data(), c.data(), n, 3));
    c[0] = gpu::to_bf16(NAN);
    std::printf("%g\n", freivalds(a.data(), b.data(), c.data(), n, 3));
    std::puts(gpu::JsonObject().text("t", "a\"\\\n\x01").number("n", NAN).number("x", 1.5)
        .number("big", 9007199254740993.0).boolean("b", true).str().c_str());
    std::printf("%d %d\n", gpu::uniform(7, 8) == gpu::uniform(7, 8), gpu::uniform(7, 8) == gpu::uniform(7, 9));
    double sum = 0;
    for (size_t i = 0; i < 100000; ++i) sum += gpu::uniform_signed(9, i);
    std::printf("%g\n", sum / 100000);
}
"""


@pytest.mark.slow
def test_bf16_references_json_and_random(tmp_path: Path) -> None:
    source, program = tmp_path / "host.cu", tmp_path / "host"
    source.write_text(HOST, encoding="utf-8")
    tools = toolchain("cuda")
    flags = [
        *tools.arguments(parse_target("sm_75")),
        f"-I{SUITE}",
        f"-I{COMMON}",
        "-diag-suppress=177",
    ]
    subprocess.run([tools.compiler, *flags, source, "-o", program], check=True, timeout=300)
    said = subprocess.run([program], check=True, timeout=60, capture_output=True, text=True).stdout
    bf16, freivalds, line, random, mean = said.splitlines()
    # Halfway cases go to the even neighbour; what is past the largest bf16 is infinity.
    assert bf16.split()[:3] == ["1", "1", "1.015625"]
    assert bf16.split()[4:6] == ["inf", "-0"]
    assert bf16.split()[7] == "nan"
    good, wrong, nan = map(float, freivalds.split())
    assert good < 8 < wrong
    assert nan == float("inf")
    assert json.loads(line) == {"t": 'a"\\\n\x01', "n": None, "x": 1.5, "big": 2**53, "b": True}
    assert random == "1 0"
    assert abs(float(mean)) < 0.01


ARGS = r"""
#include "common/args.h"
int main(int argc, char** argv) {
    auto a = gpu::parse_args(argc, argv);
    std::printf("%zu %llu %d %d %zu\n", a.size, (unsigned long long)a.seed, a.reps, a.check_only,
                a.size_or(100, 10));
}
"""


def test_arguments(tmp_path: Path) -> None:
    [[size, _, reps, check, chosen]] = run_host(tmp_path, ARGS)
    assert (size, reps, check, chosen) == (0, 20, 0, 100)
    seeds = {
        subprocess.run([tmp_path / "host"], capture_output=True, check=True).stdout
        for _ in range(3)
    }
    assert len(seeds) == 3  # fresh data each run
    given = [tmp_path / "host", "--size", "5", "--seed", "7", "--reps", "3", "--check-only"]
    assert subprocess.run(given, capture_output=True, check=True).stdout == b"5 7 3 1 5\n"
    for bad in (["--size"], ["--size", "-1"], ["--size", "1x"], ["--reps", "9999999"], ["--what"]):
        ended = subprocess.run([tmp_path / "host", *bad], capture_output=True, check=False)
        assert ended.returncode == 2
        assert b"usage:" in ended.stderr


TURNS = r"""
#include <cstdio>
#include "common/turns.h"
int main(int argc, char** argv) {
    if (argc < 2 || !gpu::turns().open(argv[1])) return 1;
    std::printf("1\n"), std::fflush(stdout);
    if (std::getchar() == 'h') {
        gpu::HostWork away;
        std::printf("2\n"), std::fflush(stdout);
        std::getchar();
    }
    gpu::Alone quiet;
    std::printf("3\n"), std::fflush(stdout);
    std::getchar();
}
"""


def test_turns(tmp_path: Path) -> None:
    """Times are taken alone: while another works on the GPU they wait, not while it works on the host."""
    command = [str(build_host(tmp_path, TURNS)), str(tmp_path / "lock")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as two:
        assert one.stdin and one.stdout and two.stdin and two.stdout
        assert one.stdout.read(2) == two.stdout.read(2) == b"1\n"  # both work on the GPU
        one.stdin.write(b"t")
        one.stdin.flush()
        assert not select.select([one.stdout], [], [], 0.2)[0]
        two.stdin.write(b"h")
        two.stdin.flush()
        assert two.stdout.read(2) == b"2\n"
        assert one.stdout.read(2) == b"3\n"
        two.stdin.write(b"x")
        two.stdin.flush()
        assert not select.select([two.stdout], [], [], 0.2)[0]
        one.stdin.close()  # it ends, and its lock is free
        assert two.stdout.read(2) == b"3\n"
        two.stdin.close()
    assert subprocess.run([command[0], str(tmp_path)], check=False).returncode == 1  # no file
