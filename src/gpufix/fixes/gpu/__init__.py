"""The torch build, the driver and the GPU."""
