"""The kernel suite: CUDA/HIP programs that prove a machine can build and run GPU code."""
