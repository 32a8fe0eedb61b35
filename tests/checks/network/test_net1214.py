"""NET1214: variables of NCCL that contradict each other."""

from __future__ import annotations

import nodes as n
from rows import Fires, Unseen, rows

from gpufix.checks.network.net1214_nccl_variables_disagree import nccl_variables_disagree
from gpufix.checks.registry import ADVICE, WARNING, Fault
from gpufix.model import Severity
from gpufix.model.payload import NodeFault


def fault(severity: Severity, name: str, message: str) -> Fault:
    return Fault(severity, name, message, payload=NodeFault("variable", name=name))


SILENT = {
    **n.WELL,
    "both say the same": n.on(variables={"NCCL_DEBUG": "INFO"}, nccl={"NCCL_DEBUG": "INFO"}),
    "a file only": n.on(nccl={"NCCL_DEBUG": "INFO"}),
    "nothing is turned off": n.on(variables={"NCCL_P2P_DISABLE": "0", "NCCL_IB_DISABLE": "1"}),
    "NCCL's files were not read": Unseen(n.on(nccl=None), ["NCCL's configuration files"]),
}

FIRING = {
    "a file that does not hold": Fires(
        n.on(variables={"NCCL_IB_HCA": "mlx5_0"}, nccl={"NCCL_IB_HCA": "mlx5_4"}),
        fault(
            ADVICE,
            "NCCL_IB_HCA",
            "NCCL_IB_HCA is mlx5_0 in the environment and mlx5_4 in nccl.conf.",
        ),
        offers=n.OFFER,
    ),
    "InfiniBand, and not": Fires(
        n.on(variables={"NCCL_NET": "IB", "NCCL_IB_DISABLE": "1"}),
        Fault(
            WARNING,
            "NCCL_NET",
            "NCCL_NET asks for InfiniBand, and NCCL_IB_DISABLE turns it off.",
            payload=NodeFault("variable", name="NCCL_IB_DISABLE"),
        ),
        offers=n.OFFER,
    ),
    "fast paths that are off": Fires(
        n.on(variables={"NCCL_P2P_DISABLE": "1"}, nccl={"NCCL_SHM_DISABLE": "1"}),
        [
            fault(
                ADVICE,
                "NCCL_P2P_DISABLE",
                "NCCL_P2P_DISABLE=1 turns off copies between GPUs over NVLink and PCIe.",
            ),
            fault(
                ADVICE,
                "NCCL_SHM_DISABLE",
                "NCCL_SHM_DISABLE=1 turns off shared memory between processes.",
            ),
        ],
        offers=n.OFFER,
    ),
}

test_silent, test_firing = rows(nccl_variables_disagree, SILENT, FIRING)
