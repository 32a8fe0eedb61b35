"""A public benchmark of broken GPU environments. It needs none of the tools that it measures."""
