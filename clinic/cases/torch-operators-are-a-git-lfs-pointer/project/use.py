from pathlib import Path

import torch

torch.ops.load_library(Path(__file__).parent / "ops" / "libpairwise_ops.so")
print(torch.ops.pairwise_ops.pairwise(torch.zeros(1, 2), torch.ones(1, 2)).item())
