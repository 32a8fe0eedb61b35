"""The first real error of a log, out of the noise that follows it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufix.engine.builds.errors import first_errors

# What pip, setuptools and ninja print around every failure.
BEFORE = """\
$ /env/bin/python -m pip install --no-build-isolation --no-deps -v '/src/error: x'
Processing /src/ext
  Running command pip subprocess to install
  running bdist_wheel
  warning: no previously-included files matching '*.error' found
  [1/2] /usr/bin/g++ -DNDEBUG -Wno-error=unused -c a.cpp -o a.o
"""
AFTER = """\
  ninja: build stopped: subcommand failed.
  Traceback (most recent call last):
    File "cpp_extension.py", line 2506, in _run_ninja_build
      subprocess.run(
  subprocess.CalledProcessError: Command '['ninja', '-v']' returned non-zero exit status 1.
  RuntimeError: Error compiling objects for extension
  error: subprocess-exited-with-error
  × Building wheel for ext (pyproject.toml) did not run successfully.
  error: command '/usr/bin/g++' failed with exit code 1
  ERROR: Failed building wheel for ext
ERROR: Failed to build installable wheels for some pyproject.toml based projects (ext)
"""

LOGS = {
    "g++": (
        "  a.cpp:3:10: fatal error: cusparse.h: No such file or directory\n"
        "      3 | #include <cusparse.h>\n        |          ^~~~~~~~~~~~\n  compilation terminated.\n",
        "a.cpp:3:10: fatal error: cusparse.h: No such file or directory\n"
        "3 | #include <cusparse.h>\n|          ^~~~~~~~~~~~",
    ),
    "nvcc": (
        '  kernel.cu(12): error: identifier "uint32_t" is undefined\n'
        '      uint32_t x;\n      ^\n\n  1 error detected in the compilation of "kernel.cu".\n',
        'kernel.cu(12): error: identifier "uint32_t" is undefined\nuint32_t x;\n^',
    ),
    "nvcc's own": (
        "  nvcc fatal   : Unsupported gpu architecture 'compute_120'\n",
        "nvcc fatal   : Unsupported gpu architecture 'compute_120'",
    ),
    "host compiler": (
        "  /usr/local/cuda/include/crt/host_config.h:143:2: error: #error -- unsupported GNU version!\n",
        "/usr/local/cuda/include/crt/host_config.h:143:2: error: #error -- unsupported GNU version!",
    ),
    "out of memory": (
        "  nvcc error   : 'cicc' died due to signal 9 (Kill signal)\n",
        "nvcc error   : 'cicc' died due to signal 9 (Kill signal)",
    ),
    "linker": (
        "  /usr/bin/ld: cannot find -lcudart: No such file or directory\n"
        "  collect2: error: ld returned 1 exit status\n",
        "/usr/bin/ld: cannot find -lcudart: No such file or directory",
    ),
    "CUDA major": (
        '    File "cpp_extension.py", line 415, in _check_cuda_version\n'
        "  RuntimeError: The detected CUDA version (13.0) mismatches the version that was used to "
        "compile PyTorch (12.8).\n",
        "RuntimeError: The detected CUDA version (13.0) mismatches the version that was used to "
        "compile PyTorch (12.8).",
    ),
    "no torch": (
        "  ModuleNotFoundError: No module named 'torch'\n",
        "ModuleNotFoundError: No module named 'torch'",
    ),
    "no CUDA_HOME": (
        "  OSError: CUDA_HOME environment variable is not set.\n",
        "OSError: CUDA_HOME environment variable is not set.",
    ),
    "CMake": (
        "  CMake Error at CMakeLists.txt:5 (find_package):\n    By not providing FindTorch.cmake\n\n",
        "CMake Error at CMakeLists.txt:5 (find_package):\nBy not providing FindTorch.cmake",
    ),
    "no compiler": (
        "  error: command 'no-such-gcc' failed: No such file or directory\n",
        "error: command 'no-such-gcc' failed: No such file or directory",
    ),
    "colours": (
        "  \x1b[1ma.cpp:1:1: \x1b[31merror: \x1b[0mexpected ';'\n",
        "a.cpp:1:1: error: expected ';'",
    ),
}


@pytest.mark.parametrize("case", LOGS)
def test_first(case: str) -> None:
    middle, expected = LOGS[case]
    assert first_errors(BEFORE + middle + AFTER)[0] == expected


def test_silent_on_a_success() -> None:
    assert first_errors(BEFORE + "Successfully installed ext-0.1\n") == []


def test_compilers_before_exceptions_and_no_more_than_asked() -> None:
    many = "".join(f"x.cpp:{n}:1: error: number {n}\n" for n in range(9)) * 2
    found = first_errors("ValueError: later\n" + many, most=4)
    assert found == [f"x.cpp:{n}:1: error: number {n}" for n in range(4)]


@given(st.text(max_size=2000))
def test_any_text(text: str) -> None:
    assert all(len(e) < 2000 for e in first_errors(text))
