"""What a preflight asks of a node: NVML, the bus, the kernel's log, fabric, limits, AMD's files."""
