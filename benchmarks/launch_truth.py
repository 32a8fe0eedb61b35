"""Launches what launch_builds.py compiled, on the first GPU here: the standard library only.

usage: python launch_truth.py FOLDER > TRUTH.json
Each file is tried in processes of its own: as it is, with CUDA_DISABLE_PTX_JIT=1, which tells
machine code from PTX, and with CUDA_MODULE_LOADING=EAGER. Answers are CUDA's error numbers;
-1 = a wrong result, null = the process died.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

MODES = {
    "lazy": {"CUDA_MODULE_LOADING": "LAZY"},
    "no_jit": {"CUDA_MODULE_LOADING": "LAZY", "CUDA_DISABLE_PTX_JIT": "1"},
    "eager": {"CUDA_MODULE_LOADING": "EAGER"},
}
LIMIT = 120
MAJOR, MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_…


def driver():
    """libcuda, initialised."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise SystemExit(f"no NVIDIA driver: {error}") from None
    error = cuda.cuInit(0)
    if error:
        raise SystemExit(f"cuInit: error {error}")
    return cuda


def machine():
    """GPU, compute capability and driver."""
    cuda = driver()
    number, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(256)
    cuda.cuDriverGetVersion(ctypes.byref(number))
    cuda.cuDeviceGetName(name, 256, 0)
    cuda.cuDeviceGetAttribute(ctypes.byref(major), MAJOR, 0)
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), MINOR, 0)
    return {
        "gpu": name.value.decode(),
        "arch": f"sm_{major.value}{minor.value}",
        "cuda": f"{number.value // 1000}.{number.value % 1000 // 10}",
        "driver": version(),
    }


def version():
    """The driver's own version, "580.95.05"; None when NVML does not say."""
    text = ctypes.create_string_buffer(96)
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        if nvml.nvmlInit_v2() or nvml.nvmlSystemGetDriverVersion(text, 96):
            return None
    except OSError:
        return None
    return text.value.decode()


def library(path, calls):
    """Call -> error, of a shared library's launchers."""
    loaded = ctypes.CDLL(path)
    return {call: getattr(loaded, "launch_" + call)() for call in calls}


def bare(path, calls):
    """Kernel -> error, of a file that the driver is given."""
    cuda = driver()
    context, module = ctypes.c_void_p(), ctypes.c_void_p()
    cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
    cuda.cuCtxSetCurrent(context)
    image = Path(path).read_bytes() + b"\0"  # PTX is text
    error = cuda.cuModuleLoadData(ctypes.byref(module), image)
    return {call: error or launch(cuda, module, call) for call in calls}


def launch(cuda, module, kernel):
    """The error of one launch."""
    function, out = ctypes.c_void_p(), ctypes.c_uint64()
    error = cuda.cuModuleGetFunction(ctypes.byref(function), module, kernel.encode())
    error = error or cuda.cuMemAlloc_v2(ctypes.byref(out), 128)
    if error:
        return error
    given = (ctypes.c_void_p * 1)(ctypes.cast(ctypes.pointer(out), ctypes.c_void_p))
    error = cuda.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, None, given, None)
    found = (ctypes.c_int * 32)()
    error = error or cuda.cuMemcpyDtoH_v2(found, out, 128)
    return error or (0 if list(found) == [3 * i + 1 for i in range(32)] else -1)


def one(path, calls):
    """What a child prints."""
    print(json.dumps((library if path.endswith(".so") else bare)(path, calls)))


def attempt(path, calls, mode):
    """Ask a child. None: it died, or gave no answer in time."""
    command = [sys.executable, __file__, "--one", path, *calls]
    environ = dict(os.environ, CUDA_CACHE_DISABLE="1", **MODES[mode])
    try:
        done = subprocess.run(command, env=environ, capture_output=True, timeout=LIMIT)
        return json.loads(done.stdout.decode())
    except (ValueError, subprocess.TimeoutExpired):
        return None


def main(folder):
    """Print the truth about all files of the manifest."""
    rows = json.loads((folder / "manifest.json").read_text())
    truth = {"machine": machine(), "launches": {}}
    for row in rows:
        path = folder / f"{row['name']}.{row['file']}"
        answers = {mode: attempt(str(path), row["calls"], mode) for mode in MODES}
        truth["launches"][row["name"]] = answers
        print(row["name"], answers, file=sys.stderr, flush=True)
    print(json.dumps(truth, indent=1))


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        one(sys.argv[2], sys.argv[3:])
    else:
        main(Path(sys.argv[1]).resolve())
