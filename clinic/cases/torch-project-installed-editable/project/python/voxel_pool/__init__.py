import torch


def pool(points: torch.Tensor, size: float) -> torch.Tensor:
    """One point for each occupied voxel."""
    return torch.unique((points / size).floor(), dim=0) * size
