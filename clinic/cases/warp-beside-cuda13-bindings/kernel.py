"""A kernel on the CPU device."""

import warp as wp


@wp.kernel
def double(x: wp.array(dtype=float)):
    i = wp.tid()
    x[i] = x[i] * 2.0


values = wp.array([1.0, 2.0, 3.0], dtype=float, device="cpu")
wp.launch(double, dim=3, inputs=[values], device="cpu")
print(values.numpy())
