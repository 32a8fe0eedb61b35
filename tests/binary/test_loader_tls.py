"""Thread-local variables at fixed offsets, and the room that the loader has for them."""

from __future__ import annotations

import pytest
from lab import Lab, judge

TUNABLE = {"GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=4096"}
SPACES = {"GLIBC_TUNABLES": "glibc.malloc.check=0:glibc.rtld.nns=12"}
FIXED = 'tls_model("initial-exec")'


def library(lab: Lab, name: str, size: int, attributes: str = FIXED, *flags: str) -> str:
    """A library with a thread-local variable of this size."""
    variable = f"__thread char {name}[{size}] __attribute__(({attributes})) = {{1}};"
    return lab.build(
        f"tls/lib{name}.so", f"{variable} int which(void) {{ return {name}[0]; }}", *flags
    )


ROWS = [
    # bytes, attributes, environment, whether the real loader takes it
    ("few", 1000, FIXED, {}, True),
    ("all", 1664, FIXED, {}, True),
    ("many", 1800, FIXED, {}, False),
    ("hidden", 1800, FIXED + ', visibility("hidden")', {}, False),
    ("dynamic", 1 << 20, 'tls_model("global-dynamic")', {}, True),
    ("aligned", 8, FIXED + ", aligned(64)", {}, True),
    ("strict", 8, FIXED + ", aligned(128)", {}, False),
    ("tuned", 4000, FIXED, TUNABLE, True),
    ("beyond", 6000, FIXED, TUNABLE, False),
    ("spaces", 3500, FIXED, SPACES, True),
]


@pytest.mark.parametrize(("name", "size", "attributes", "environment", "loads"), ROWS,
                         ids=[row[0] for row in ROWS])  # fmt: skip
def test_one_library(
    lab: Lab, name: str, size: int, attributes: str, environment: dict[str, str], loads: bool
) -> None:
    verdict = judge(lab, library(lab, name, size, attributes), environment)
    assert verdict.loads is loads
    assert [problem.sound for problem in verdict.unusable] == [True] * (not loads)


def test_what_was_opened_before_takes_room(lab: Lab) -> None:
    first, second = library(lab, "first", 800), library(lab, "second", 700)
    third = library(lab, "third", 600)
    assert judge(lab, third, before=((first, False),)).loads
    (problem,) = judge(lab, third, before=((first, False), (second, False))).unusable
    assert problem.what == "needs 600 bytes of static TLS, of which 228 are free"
    assert judge(lab, third, {"LD_PRELOAD": first}, ((second, False),)).loads


def test_the_variable_of_another_library(lab: Lab) -> None:
    library(lab, "shared", 1800, 'tls_model("global-dynamic")')
    extern = f"extern __thread char shared[] __attribute__(({FIXED}));"
    path = lab.build("tls/user.so", f"{extern} int which(void) {{ return shared[0]; }}",
                     "-L{}/tls", "-lshared", "-Wl,-rpath,$ORIGIN")  # fmt: skip
    (problem,) = judge(lab, path).unusable
    assert (problem.path, problem.needed_by) == (lab.path("tls/libshared.so"), path)
    assert judge(lab, path, {"LD_PRELOAD": lab.path("tls/libshared.so")}).loads
