"""A recorded node: files of its kernel, and an NVML that answers, refuses or hangs."""

from __future__ import annotations

from pathlib import Path

from machine import nvidia_host, write

DEVICE = "/sys/bus/pci/devices/0000:01:00.0"
KMSG = [
    "5,0,0,-;Linux version 6.8.0",
    "4,1,100,-;NVRM: Xid (PCI:0000:01:00): 79, pid=4242, name=train.py, GPU has fallen off the bus.",
    " SUBSYSTEM=pci",
    "6,2,2500000,-;NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x62:0x40:2028)",
    "6,3,2600000,-;NVRM: GPU Board Serial Number: 1320021023231",
    "6,4,2700000,-;amdgpu 0000:c3:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block",
    "6,5,2700001,-;amdgpu 0000:c3:00.0: amdgpu: no uncorrectable hardware errors detected in umc block",
    "6,6,2700002,-;amdgpu 0000:c3:00.0: amdgpu: 0 uncorrectable hardware errors detected in umc block",
    "6,7,2700003,-;amdgpu: process pid 77 fault count 3",
    "no record at all",
]


def node(root: Path) -> None:
    """A machine with one card, its driver, and what the kernel says of both."""
    nvidia_host(root)
    driver = root / "sys/bus/pci/drivers/nvidia"
    driver.mkdir(parents=True)
    (root / DEVICE[1:] / "driver").symlink_to(driver)
    write(root, f"{DEVICE}/config", b"\xde\x10\x35\x23" + bytes(60))
    write(root, f"{DEVICE}/iommu_group/type", "identity\n")
    information = "Model: \t\t NVIDIA H200\nDevice Minor: \t 0\n"
    write(root, "/proc/driver/nvidia/gpus/0000:01:00.0/information", information)
    write(root, "/proc/uptime", "86400.50 170000.00\n")
    write(root, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme sse2\n")
    limits = "Limit  Soft Limit  Hard Limit  Units\nMax locked memory  65536  65536  bytes\n"
    write(root, "/proc/self/limits", limits)
    write(root, "/proc/sys/kernel/numa_balancing", "1\n")
    write(root, "/dev/kmsg", "\n".join(KMSG))
    (root / "dev/shm").mkdir(parents=True, exist_ok=True)
    for number in (0, 1):
        write(root, f"/sys/devices/system/node/node{number}/cpulist", "0-3\n")


# nvidia-ml-py, as far as it is asked: a healthy H200.
NVML = """
class NVMLError(Exception):
    def __init__(self, value, text="error"):
        super().__init__(text)
        self.value = value
class Row:
    def __init__(self, **values): self.__dict__.update(values)
class c_nvmlEccSramErrorStatus_v1_t(__import__("ctypes").Structure):
    _fields_ = [("bThresholdExceeded", __import__("ctypes").c_uint)]
class c_nvmlGpuFabricInfo_v3_t(__import__("ctypes").Structure):
    _fields_ = [(n, __import__("ctypes").c_uint) for n in ("state", "status", "healthMask", "healthSummary")]
c_nvmlGpuFabricInfo_v2_t = c_nvmlGpuFabricInfo_v3_t
nvmlMemory_v2 = 2
def refuse(*_): raise NVMLError(3, "Not Supported")
def nvmlInit(): pass
def nvmlSystemGetDriverVersion(): return b"570.86.10"
def nvmlSystemGetCudaDriverVersion_v2(): return 12080
def nvmlDeviceGetCount(): return 1
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetPciInfo(handle): return Row(busId=b"00000000:01:00.0")
def nvmlDeviceGetName(handle): return "NVIDIA H200"
def nvmlDeviceGetEccMode(handle): return [1, 1]
def nvmlDeviceGetTotalEccErrors(handle, kind, counter): return 0
def nvmlDeviceGetMemoryErrorCounter(handle, kind, counter, place): return 0
def nvmlDeviceGetSramEccErrorStatus(handle, status): raise NVMLError(4, "Insufficient Permissions")
def nvmlDeviceGetRemappedRows(handle): return (1, 2, 0, 1)
def nvmlDeviceGetUnrepairableMemoryFlag_v1(handle, extra): return 0
nvmlDeviceGetRetiredPages = nvmlDeviceGetRetiredPagesPendingStatus = nvmlDeviceGetNvLinkState = refuse
nvmlDeviceGetNvLinkErrorCounter = refuse
def nvmlDeviceGetTemperature(handle, sensor): return 38
def nvmlDeviceGetTemperatureThreshold(handle, kind): return 89
def nvmlDeviceGetPowerUsage(handle): return 77103
def nvmlDeviceGetPerformanceState(handle): return 0
def nvmlDeviceGetUtilizationRates(handle): return Row(gpu=0)
def nvmlDeviceGetCurrPcieLinkWidth(handle): return 16
nvmlDeviceGetMaxPcieLinkWidth = nvmlDeviceGetCurrPcieLinkWidth
def nvmlDeviceGetCurrPcieLinkGeneration(handle): return 5
nvmlDeviceGetMaxPcieLinkGeneration = nvmlDeviceGetCurrPcieLinkGeneration
replays = iter(range(100, 200, 7))
def nvmlDeviceGetPcieReplayCounter(handle): return next(replays)
def nvmlDeviceGetFieldValues(handle, ids):
    if ids == [230]: return [Row(nvmlReturn=0, valueType=1, value=Row(uiVal=0))]
    return [Row(nvmlReturn=3, valueType=1, value=Row(uiVal=0))]
events = iter([0x44, 0x4])
def nvmlDeviceGetCurrentClocksEventReasons(handle): return next(events)
def nvmlDeviceGetGpuFabricInfoV(handle, info): pass
def nvmlDeviceGetMigMode(handle): return [0, 0]
def nvmlDeviceGetMaxMigDeviceCount(handle): return 0
def nvmlDeviceGetComputeMode(handle): return 0
def nvmlDeviceGetPersistenceMode(handle): return 1
def nvmlDeviceGetMemoryInfo(handle, version): return Row(used=0)
def nvmlDeviceGetComputeRunningProcesses(handle): return [Row(pid=7)]
def nvmlDeviceGetGraphicsRunningProcesses(handle): return [Row(pid=7)]
def nvmlDeviceGetVbiosVersion(handle): return "96.00.A5.00.1A"
"""
LOST = NVML + "\ndef nvmlDeviceGetHandleByIndex(index): raise NVMLError(15, 'GPU is lost')\n"
RESET = NVML + "\ndef nvmlDeviceGetEccMode(handle): raise NVMLError(16, 'Reset required')\n"
HANGS_AT_ONCE = NVML + "\ndef nvmlInit(): __import__('time').sleep(600)\n"
HANGS_LATER = (
    NVML
    + """
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetEccMode(handle):
    if handle == 1: __import__("time").sleep(600)
    return [1, 1]
events = iter([1] * 9)
"""
)
MISMATCHED = NVML + "\ndef nvmlInit(): raise NVMLError(18, 'Driver/library version mismatch')\n"
NONE_LISTED = NVML + "\ndef nvmlDeviceGetCount(): return 0\n"
