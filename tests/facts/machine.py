"""Recorded machines: trees of /dev, /proc and /sys that the tests write under ctx.root."""

from __future__ import annotations

from pathlib import Path

ELF64 = b"\x7fELF\x02\x01\x01" + bytes(57)


def write(root: Path, path: str, content: str | bytes = "") -> Path:
    """One file of the machine."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def program(root: Path, path: str, content: str | bytes = ELF64) -> Path:
    """An executable file."""
    file = write(root, path, content)
    file.chmod(0o755)
    return file


def pci(root: Path, address: str, vendor: int, kind: int = 0x030000, device: int = 0x2204) -> None:
    """One device on the bus."""
    folder = f"/sys/bus/pci/devices/{address}"
    write(root, f"{folder}/vendor", f"0x{vendor:04x}\n")
    write(root, f"{folder}/class", f"0x{kind:06x}\n")
    write(root, f"{folder}/device", f"0x{device:04x}\n")


def kfd_node(root: Path, number: int, **properties: int) -> None:
    """One node of the KFD topology; local_memory= adds a bank of that many bytes."""
    folder = f"/sys/class/kfd/kfd/topology/nodes/{number}"
    memory = properties.pop("local_memory", 0)
    write(root, f"{folder}/gpu_id", f"{1000 + number}\n")
    rows = "".join(f"{name} {value}\n" for name, value in properties.items())
    write(root, f"{folder}/properties", rows)
    bank = f"heap_type 1\nsize_in_bytes {memory}\nflags 0\n"
    write(root, f"{folder}/mem_banks/0/properties", bank)


def nvidia_host(root: Path, version: str = "570.86.10") -> None:
    """A healthy driver for one card, as the kernel module and the installer leave it."""
    pci(root, "0000:01:00.0", 0x10DE)
    line = f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {version}  Fri Jan 24 2025\n"
    write(root, "/proc/driver/nvidia/version", line + "GCC version:  gcc version 12.2.0\n")
    information = "Model: \t\t NVIDIA GeForce RTX 3090\nIRQ:   \t\t 143\n"
    write(root, "/proc/driver/nvidia/gpus/0000:01:00.0/information", information)
    for node in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        write(root, f"/dev/{node}")
    library = write(root, f"/usr/lib/x86_64-linux-gnu/libcuda.so.{version}", ELF64)
    library.with_name("libcuda.so.1").symlink_to(library.name)
