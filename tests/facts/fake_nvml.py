"""Stand-ins for the nvidia-ml-py module: what a healthy, strange or sick NVML answers."""

HEALTHY = """
class NVMLError(Exception): pass
class Row:
    def __init__(self, **values): self.__dict__.update(values)
def nvmlInit(): pass
def nvmlSystemGetDriverVersion(): return "570.86.10"
def nvmlSystemGetCudaDriverVersion_v2(): return 12080
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetName(handle): return ["NVIDIA H200", "NVIDIA GeForce RTX 5080"][handle]
def nvmlDeviceGetCudaComputeCapability(handle): return [(9, 0), (12, 0)][handle]
def nvmlDeviceGetMemoryInfo(handle): return Row(total=150 << 30, free=149 << 30)
def nvmlDeviceGetComputeRunningProcesses(handle):
    return [Row(pid=4242, usedGpuMemory=None), Row(pid=77, usedGpuMemory=5 << 30)][:2 - handle]
def nvmlDeviceGetGraphicsRunningProcesses(handle):
    return [Row(pid=4242, usedGpuMemory=1 << 20)]
"""

MISMATCHED = (
    HEALTHY
    + """
def nvmlInit(): raise NVMLError("Driver/library version mismatch")
"""
)

# A device that fell off the bus, and one that answers nothing but its existence.
PARTLY_LOST = (
    HEALTHY
    + """
def nvmlDeviceGetHandleByIndex(index):
    if index == 0: raise NVMLError("GPU is lost")
    return index
def refuse(*_): raise NVMLError("Not Supported")
nvmlDeviceGetName = nvmlDeviceGetCudaComputeCapability = nvmlDeviceGetMemoryInfo = refuse
nvmlDeviceGetComputeRunningProcesses = nvmlDeviceGetGraphicsRunningProcesses = refuse
nvmlSystemGetCudaDriverVersion_v2 = refuse
"""
)

BYTES = (
    HEALTHY
    + """
def nvmlDeviceGetName(handle): return b"NVIDIA \\xff\\x1b[31m" + b"A" * 5000
def nvmlSystemGetDriverVersion(): return b"\\xfe\\xff"
"""
)

# Bindings from before this question existed.
OLD = HEALTHY + "del nvmlSystemGetCudaDriverVersion_v2\n"

HANGING = "import time\nprint('{', flush=True)\ntime.sleep(600)\n"
CRASHING = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
CHATTY = "print('not JSON')\n" + HEALTHY
FLOODING = "import sys\nwhile True: sys.stdout.write('x' * 65536)\n"
BROKEN = "raise RuntimeError('no such thing')\n"
NONSENSE = "import sys\nprint('[1, 2]')\nsys.stdout.flush()\nimport os\nos._exit(0)\n"
