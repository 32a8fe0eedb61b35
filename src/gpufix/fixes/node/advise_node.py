"""What only an administrator can do about a node."""

from __future__ import annotations

from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.knowledge.node import xid
from gpufix.model import Advise, Finding, Plan
from gpufix.model.payload import NodeFault, NodeRemedy

_Advice = tuple[str, str, str | None]  # title, text, command; {gpu} and {name} are the fault's
_RESET = "sudo nvidia-smi --gpu-reset -i {gpu}"
_REMEDIES: dict[NodeRemedy, _Advice] = {
    "acs": (
        "turn ACS off",
        "In the firmware, or for each bridge by setpci, after each start.",
        None,
    ),
    "compute-mode": (
        "set the default compute mode",
        "Any number of programs may then use the GPU.",
        "sudo nvidia-smi -i {gpu} -c DEFAULT",
    ),
    "device-nodes": (
        "create NVIDIA's device nodes",
        "In a container, start it with the GPUs passed through.",
        "sudo nvidia-modprobe -u -c=0",
    ),
    "drain": (
        "let no new work on the GPU",
        "When its programs have ended, reset it.",
        "nvidia-smi -i {gpu}",
    ),
    "examine": (
        "have the GPU examined",
        "Take it out of service. The vendor's field diagnostic decides whether it is replaced.",
        None,
    ),
    "fabric-manager": (
        "start Fabric Manager",
        "It must be of the driver's version; in a container or virtual machine, it runs on the host.",
        "sudo systemctl restart nvidia-fabricmanager",
    ),
    "fabric-version": (
        "install Fabric Manager of the driver's version",
        "Its package is named after the driver's branch. Start the service again afterwards.",
        None,
    ),
    "free-memory": (
        "free the GPU's memory",
        "See who holds it. Where nobody does, a reset of the GPU frees it.",
        "nvidia-smi -i {gpu}",
    ),
    "gpudirect": (
        "load nvidia-peermem",
        "Or use the open kernel modules, which lend memory by DMA-BUF.",
        "sudo modprobe nvidia-peermem",
    ),
    "iommu": (
        "let the IOMMU pass through",
        "Add iommu=pt to the kernel's parameters and restart the machine.",
        None,
    ),
    "link": (
        "reset the GPU",
        "GPUs that NVLink joins are reset together. If it comes again, have baseboard or bridge examined.",
        "sudo nvidia-smi --gpu-reset",
    ),
    "lock-memory": (
        "raise the limit of locked memory",
        "In /etc/security/limits.conf, the service's LimitMEMLOCK, or docker run --ulimit memlock=-1.",
        "ulimit -l unlimited",
    ),
    "mig-instances": (
        "make MIG devices, or turn MIG off",
        "List the profiles, then create instances of one; `-mig 0` turns MIG off.",
        "sudo nvidia-smi mig -i {gpu} -lgip",
    ),
    "mode-pending": ("reset the GPU", "End the programs that use it first.", _RESET),
    "numa-balancing": (
        "turn NUMA balancing off",
        "Until the next start; a file in /etc/sysctl.d keeps it.",
        "sudo sysctl kernel.numa_balancing=0",
    ),
    "persistence": (
        "keep the GPUs started",
        "The daemon is part of the driver's packages.",
        "sudo systemctl enable --now nvidia-persistenced",
    ),
    "port": (
        "check the port's cable",
        "Cable, transceiver and the switch's port: exchange one at a time.",
        None,
    ),
    "reboot": (
        "restart the machine",
        "If it comes again: power supply, cooling, and the card's seating.",
        "sudo reboot",
    ),
    "reload-driver": (
        "load the kernel module of the installed driver",
        "The driver was updated while its old module was loaded. A restart loads the new one.",
        "sudo reboot",
    ),
    "reset": ("reset the GPU", "End the programs that use it first.", _RESET),
    "shm": (
        "make /dev/shm larger",
        "Docker: --shm-size=32g or --ipc=host. Kubernetes: an emptyDir of medium Memory at /dev/shm.",
        None,
    ),
    "slot": (
        "check the card's seating",
        "Slot, riser and the slot's settings in the firmware.",
        None,
    ),
    "subnet-manager": (
        "start the subnet manager",
        "It runs on a switch, or as opensm on one node of the fabric.",
        None,
    ),
    "supply": (
        "check cooling and power",
        "Fans, dust, inlet temperature; power supplies, cables and the rack's budget.",
        None,
    ),
    "update": ("install one firmware on all", "Use the vendor's tool, on each device.", None),
    "variable": ("change {name}", "Unset it, or set it to what this node has.", "unset {name}"),
    "verbs": (
        "give programs access to RDMA",
        "Load ib_uverbs and install rdma-core; in a container, pass /dev/infiniband through.",
        "sudo modprobe ib_uverbs",
    ),
    "xid": ("do what NVIDIA's catalogue names", "", None),
}
# Those of checks/node and checks/network.
_CODES = (
    "NOD1101", "NOD1102", "NOD1103", "NOD1104", "NOD1105", "NOD1106", "NOD1107", "NOD1108",
    "NOD1109", "NOD1110", "NOD1111", "NOD1112", "NOD1113", "NOD1114", "NOD1115", "NOD1116",
    "NOD1117", "NOD1118", "NOD1119", "NOD1120", "NOD1121", "NOD1122", "NOD1123", "NOD1124",
    "NOD1125", "NOD1126", "NOD1127", "NOD1128", "NOD1129", "NOD1130", "NOD1131", "NOD1132",
    "NOD1133", "NOD1134", "NOD1135", "NOD1136", "NOD1137", "NOD1138", "NOD1139",
    "NET1201", "NET1202", "NET1203", "NET1204", "NET1205", "NET1206", "NET1207", "NET1208",
    "NET1209", "NET1210", "NET1211", "NET1212", "NET1213", "NET1214", "NET1215", "NET1216",
)  # fmt: skip


@fix("advise-node", *_CODES)
def advise_node(finding: Finding, view: View) -> Plan:
    """Resets, restarts, cables and kernel parameters need root or hands: printed, never run."""
    fault = finding.payload_as(NodeFault)
    title, text, command = _REMEDIES[fault.remedy]
    if fault.xid is not None:
        title = text = xid(fault.xid).do
    where = {"gpu": "" if fault.gpu is None else str(fault.gpu), "name": fault.name}
    unknown = command is not None and "{gpu}" in command and fault.gpu is None
    return finding.plan(
        "advise-node",
        "manual",
        title.format(**where),
        Advise(
            text=text[:1].upper() + text[1:].format(**where),
            command=None if command is None or unknown else command.format(**where),
        ),
    )
