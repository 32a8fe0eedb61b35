"""Falling particles."""

import warp as wp

wp.init()


@wp.kernel
def fall(positions: wp.array(dtype=wp.vec3), step: float):
    i = wp.tid()
    positions[i] = positions[i] + wp.vec3(0.0, -9.81 * step, 0.0)
