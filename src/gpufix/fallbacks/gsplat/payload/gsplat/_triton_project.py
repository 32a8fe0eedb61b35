"""From the world to the screen as Triton kernels: one lane a Gaussian, and the way back.

The projection is computed anew on the way back, where it takes less time than to read it would.
"""

from __future__ import annotations

from typing import Any, Optional

import torch
import triton
import triton.language as tl
from torch import Tensor

from ._lens import ALPHA_LEAST, FIELD_MARGIN, SIGMAS_MOST, Gaussians, Lens, Projected

_BLOCK = 128


@triton.jit
def _dot(ax, ay, az, bx, by, bz):
    return ax * bx + ay * by + az * bz


@triton.jit
def _turned(w, x, y, z):
    """Columns of the matrix of a unit quaternion."""
    return (
        1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y),
        2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x),
        2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y),
    )  # fmt: skip


@triton.jit
def _camera(viewmats, ks, image, width, height, MARGIN: tl.constexpr):
    """Rotation, translation, focal lengths, middle, and the slopes that the field of view ends at."""
    v = viewmats + image * 16
    k = ks + image * 9
    fx, cx = tl.load(k), tl.load(k + 2)
    fy, cy = tl.load(k + 4), tl.load(k + 5)
    mx, my = MARGIN * 0.5 * width / fx, MARGIN * 0.5 * height / fy
    return (
        tl.load(v), tl.load(v + 1), tl.load(v + 2), tl.load(v + 3),
        tl.load(v + 4), tl.load(v + 5), tl.load(v + 6), tl.load(v + 7),
        tl.load(v + 8), tl.load(v + 9), tl.load(v + 10), tl.load(v + 11),
        fx, fy, cx, cy, -cx / fx - mx, (width - cx) / fx + mx, -cy / fy - my, (height - cy) / fy + my,
    )  # fmt: skip


@triton.jit
def _shape(quats, scales, covars, at, there, GIVEN: tl.constexpr):
    """Six numbers of a given covariance; or unit quaternion, its inverse length and scales."""
    if GIVEN:
        p = covars + at * 6
        return (
            tl.load(p, there, 0.0), tl.load(p + 1, there, 0.0), tl.load(p + 2, there, 0.0),
            tl.load(p + 3, there, 0.0), tl.load(p + 4, there, 0.0), tl.load(p + 5, there, 0.0),
            0.0, 0.0,
        )  # fmt: skip
    else:
        q = quats + at * 4
        w, x = tl.load(q, there, 1.0), tl.load(q + 1, there, 0.0)
        y, z = tl.load(q + 2, there, 0.0), tl.load(q + 3, there, 0.0)
        inverse = 1.0 / tl.sqrt(w * w + x * x + y * y + z * z)
        s = scales + at * 3
        return (
            w * inverse, x * inverse, y * inverse, z * inverse, inverse,
            tl.load(s, there, 0.0), tl.load(s + 1, there, 0.0), tl.load(s + 2, there, 0.0),
        )  # fmt: skip


@triton.jit
def _framed(x, y, z, r00, r01, r02, r10, r11, r12, r20, r21, r22, fx, fy, x0, x1, y0, y1):
    """Rows of (Jacobian x rotation), the slopes that they are taken at, and the mean's own."""
    iz = 1.0 / z
    ux, uy = x * iz, y * iz
    sx, sy = tl.minimum(tl.maximum(ux, x0), x1), tl.minimum(tl.maximum(uy, y0), y1)
    gx, gy = fx * iz, fy * iz
    return (
        gx * (r00 - sx * r20), gx * (r01 - sx * r21), gx * (r02 - sx * r22),
        gy * (r10 - sy * r20), gy * (r11 - sy * r21), gy * (r12 - sy * r22), sx, sy, ux, uy, iz,
    )  # fmt: skip


@triton.jit
def _footprint(ax, ay, az, bx, by, bz, h0, h1, h2, h3, h4, h5, h6, h7, GIVEN: tl.constexpr):
    """xx, xy, yy, their determinant, and the rows p, q of frame x rotation x scales (or frame x covariance)."""
    if GIVEN:
        px, py, pz = (
            _dot(ax, ay, az, h0, h1, h2),
            _dot(ax, ay, az, h1, h3, h4),
            _dot(ax, ay, az, h2, h4, h5),
        )
        qx, qy, qz = (
            _dot(bx, by, bz, h0, h1, h2),
            _dot(bx, by, bz, h1, h3, h4),
            _dot(bx, by, bz, h2, h4, h5),
        )
        xx, yy = _dot(ax, ay, az, px, py, pz), _dot(bx, by, bz, qx, qy, qz)
        xy = _dot(bx, by, bz, px, py, pz)
        return xx, xy, yy, xx * yy - xy * xy, px, py, pz, qx, qy, qz
    else:
        m00, m01, m02, m10, m11, m12, m20, m21, m22 = _turned(h0, h1, h2, h3)
        px, py = h5 * _dot(ax, ay, az, m00, m01, m02), h6 * _dot(ax, ay, az, m10, m11, m12)
        pz = h7 * _dot(ax, ay, az, m20, m21, m22)
        qx, qy = h5 * _dot(bx, by, bz, m00, m01, m02), h6 * _dot(bx, by, bz, m10, m11, m12)
        qz = h7 * _dot(bx, by, bz, m20, m21, m22)
        # xx * yy - xy^2 loses every digit for long thin Gaussians; the cross product's square none.
        nx, ny, nz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
        return (
            _dot(px, py, pz, px, py, pz), _dot(px, py, pz, qx, qy, qz), _dot(qx, qy, qz, qx, qy, qz),
            _dot(nx, ny, nz, nx, ny, nz), px, py, pz, qx, qy, qz,
        )  # fmt: skip


@triton.jit
def _project(
    means, covars, quats, scales, opacities, viewmats, ks, radii, means2d, depths, conics, factors,
    n, cameras, width, height, eps2d, near, far, clip,
    GIVEN: tl.constexpr, NARROW: tl.constexpr, COMPENSATE: tl.constexpr, LEAST: tl.constexpr,
    MOST: tl.constexpr, MARGIN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    image = tl.program_id(1)
    lane = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = lane < n
    at = (image // cameras).to(tl.int64) * n + lane
    (
        r00, r01, r02, t0, r10, r11, r12, t1, r20, r21, r22, t2, fx, fy, cx, cy, x0, x1, y0, y1,
    ) = _camera(viewmats, ks, image, width, height, MARGIN)  # fmt: skip
    mx, my = tl.load(means + at * 3, there, 0.0), tl.load(means + at * 3 + 1, there, 0.0)
    mz = tl.load(means + at * 3 + 2, there, 0.0)
    x, y = _dot(r00, r01, r02, mx, my, mz) + t0, _dot(r10, r11, r12, mx, my, mz) + t1
    z = _dot(r20, r21, r22, mx, my, mz) + t2
    seen = there & (z >= near) & (z <= far)
    depth = z
    z = tl.where(seen, z, 1.0)
    h0, h1, h2, h3, h4, h5, h6, h7 = _shape(quats, scales, covars, at, there, GIVEN)
    ax, ay, az, bx, by, bz, _sx, _sy, ux, uy, _iz = _framed(
        x, y, z, r00, r01, r02, r10, r11, r12, r20, r21, r22, fx, fy, x0, x1, y0, y1
    )
    xx, xy, yy, sharp, _px, _py, _pz, _qx, _qy, _qz = _footprint(
        ax, ay, az, bx, by, bz, h0, h1, h2, h3, h4, h5, h6, h7, GIVEN
    )
    determinant = sharp + eps2d * (xx + yy) + eps2d * eps2d
    seen = seen & (determinant > 0) & (determinant < float("inf"))
    inverse = 1.0 / tl.where(seen, determinant, 1.0)
    factor = tl.sqrt(tl.maximum(sharp * inverse, 0.0))
    xx += eps2d
    yy += eps2d
    extent = MOST
    if NARROW:
        opacity = tl.load(opacities + at, there, 0.0)
        if COMPENSATE:
            opacity *= factor
        seen = seen & (opacity >= LEAST)
        extent = tl.minimum(MOST, tl.sqrt(2 * tl.log(tl.maximum(opacity, LEAST) / LEAST)))
    rx, ry = tl.ceil(extent * tl.sqrt(xx)), tl.ceil(extent * tl.sqrt(yy))
    sx, sy = fx * ux + cx, fy * uy + cy
    seen = seen & ((rx > clip) | (ry > clip))
    seen = seen & (sx + rx > 0) & (sx - rx < width) & (sy + ry > 0) & (sy - ry < height)
    to = image.to(tl.int64) * n + lane
    tl.store(radii + to * 2, tl.where(seen, rx, 0.0).to(tl.int32), there)
    tl.store(radii + to * 2 + 1, tl.where(seen, ry, 0.0).to(tl.int32), there)
    tl.store(means2d + to * 2, tl.where(seen, sx, 0.0), there)
    tl.store(means2d + to * 2 + 1, tl.where(seen, sy, 0.0), there)
    tl.store(depths + to, tl.where(seen, depth, 0.0), there)
    tl.store(conics + to * 3, tl.where(seen, yy * inverse, 0.0), there)
    tl.store(conics + to * 3 + 1, tl.where(seen, -xy * inverse, 0.0), there)
    tl.store(conics + to * 3 + 2, tl.where(seen, xx * inverse, 0.0), there)
    if COMPENSATE:
        tl.store(factors + to, tl.where(seen, factor, 0.0), there)


@triton.jit
def _back(
    means, covars, quats, scales, viewmats, ks, radii, places,
    by_means2d, by_depths, by_conics, by_factors,
    by_means, by_covars, by_quats, by_scales, by_viewmats,
    n, cameras, width, height, eps2d,
    GIVEN: tl.constexpr, COMPENSATE: tl.constexpr, POSES: tl.constexpr, PACKED: tl.constexpr,
    MARGIN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    batch = tl.program_id(1)
    lane = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    there = lane < n
    at = batch.to(tl.int64) * n + lane
    mx, my = tl.load(means + at * 3, there, 0.0), tl.load(means + at * 3 + 1, there, 0.0)
    mz = tl.load(means + at * 3 + 2, there, 0.0)
    h0, h1, h2, h3, h4, h5, h6, h7 = _shape(quats, scales, covars, at, there, GIVEN)
    none = tl.zeros((BLOCK,), tl.float32)
    gx, gy, gz = none, none, none  # by the mean
    g0, g1, g2, g3, g4, g5, g6, g7, g8 = none, none, none, none, none, none, none, none, none
    camera = batch * cameras
    while camera < (batch + 1) * cameras:
        place = camera.to(tl.int64) * n + lane
        if PACKED:  # where its gradients lie; below 0, it was not visible
            place = tl.load(places + place, there, -1).to(tl.int64)
            seen = place >= 0
        else:
            seen = tl.load(radii + place * 2, there, 0) > 0
        (
            r00, r01, r02, t0, r10, r11, r12, t1, r20, r21, r22, t2, fx, fy, _cx, _cy, x0, x1, y0,
            y1,
        ) = _camera(viewmats, ks, camera, width, height, MARGIN)  # fmt: skip
        x, y = _dot(r00, r01, r02, mx, my, mz) + t0, _dot(r10, r11, r12, mx, my, mz) + t1
        z = tl.where(seen, _dot(r20, r21, r22, mx, my, mz) + t2, 1.0)
        ax, ay, az, bx, by, bz, sx, sy, ux, uy, iz = _framed(
            x, y, z, r00, r01, r02, r10, r11, r12, r20, r21, r22, fx, fy, x0, x1, y0, y1
        )
        xx, xy, yy, sharp, px, py, pz, qx, qy, qz = _footprint(
            ax, ay, az, bx, by, bz, h0, h1, h2, h3, h4, h5, h6, h7, GIVEN
        )
        determinant = sharp + eps2d * (xx + yy) + eps2d * eps2d
        inverse = 1.0 / tl.where(seen, determinant, 1.0)
        a, b, d = (yy + eps2d) * inverse, -xy * inverse, (xx + eps2d) * inverse  # the conic

        # d covariance = -conic (by conic) conic; what is off the diagonal stands in it twice.
        va = tl.load(by_conics + place * 3, seen, 0.0)
        vb = tl.load(by_conics + place * 3 + 1, seen, 0.0) * 0.5
        vd = tl.load(by_conics + place * 3 + 2, seen, 0.0)
        k00, k01, k10, k11 = a * va + b * vb, a * vb + b * vd, b * va + d * vb, b * vb + d * vd
        cxx, cyy = -(k00 * a + k01 * b), -(k10 * b + k11 * d)
        cxy = -(k00 * b + k01 * d) - (k10 * a + k11 * b)
        if COMPENSATE:  # factor^2 = sharp / determinant
            ratio = tl.maximum(sharp * inverse, 0.0)
            w = tl.load(by_factors + place, seen, 0.0) * 0.5 / (tl.sqrt(ratio) + 1e-6)
            cxx += w * ((1 - ratio) * a - eps2d * inverse)
            cyy += w * ((1 - ratio) * d - eps2d * inverse)
            cxy += 2 * w * (1 - ratio) * b

        if GIVEN:  # p, q: frame x covariance
            fax, fay, faz = (
                2 * cxx * px + cxy * qx,
                2 * cxx * py + cxy * qy,
                2 * cxx * pz + cxy * qz,
            )
            fbx, fby, fbz = (
                2 * cyy * qx + cxy * px,
                2 * cyy * qy + cxy * py,
                2 * cyy * qz + cxy * pz,
            )
            g0 += cxx * ax * ax + cxy * ax * bx + cyy * bx * bx
            g1 += 2 * cxx * ax * ay + cxy * (ax * by + ay * bx) + 2 * cyy * bx * by
            g2 += 2 * cxx * ax * az + cxy * (ax * bz + az * bx) + 2 * cyy * bx * bz
            g3 += cxx * ay * ay + cxy * ay * by + cyy * by * by
            g4 += 2 * cxx * ay * az + cxy * (ay * bz + az * by) + 2 * cyy * by * bz
            g5 += cxx * az * az + cxy * az * bz + cyy * bz * bz
        else:  # p = a x (rotation x scales)
            vpx, vpy, vpz = (
                2 * cxx * px + cxy * qx,
                2 * cxx * py + cxy * qy,
                2 * cxx * pz + cxy * qz,
            )
            vqx, vqy, vqz = (
                2 * cyy * qx + cxy * px,
                2 * cyy * qy + cxy * py,
                2 * cyy * qz + cxy * pz,
            )
            m00, m01, m02, m10, m11, m12, m20, m21, m22 = _turned(h0, h1, h2, h3)
            lx, ly, lz = vpx * h5, vpy * h6, vpz * h7
            kx, ky, kz = vqx * h5, vqy * h6, vqz * h7
            fax, fay = _dot(lx, ly, lz, m00, m10, m20), _dot(lx, ly, lz, m01, m11, m21)
            faz = _dot(lx, ly, lz, m02, m12, m22)
            fbx, fby = _dot(kx, ky, kz, m00, m10, m20), _dot(kx, ky, kz, m01, m11, m21)
            fbz = _dot(kx, ky, kz, m02, m12, m22)
            # by (rotation x scales), whose columns are the rotation's times a scale
            g0 += vpx * ax + vqx * bx
            g1 += vpx * ay + vqx * by
            g2 += vpx * az + vqx * bz
            g3 += vpy * ax + vqy * bx
            g4 += vpy * ay + vqy * by
            g5 += vpy * az + vqy * bz
            g6 += vpz * ax + vqz * bx
            g7 += vpz * ay + vqz * by
            g8 += vpz * az + vqz * bz

        # a = fx / z (row 0 - sx row 2), b alike; the mean on the screen is (fx x / z + cx, fy y / z + cy).
        vx, vy = (
            tl.load(by_means2d + place * 2, seen, 0.0),
            tl.load(by_means2d + place * 2 + 1, seen, 0.0),
        )
        vz = tl.load(by_depths + place, seen, 0.0)
        ex, ey = fx * iz, fy * iz
        wx, wy = -ex * _dot(fax, fay, faz, r20, r21, r22), -ey * _dot(fbx, fby, fbz, r20, r21, r22)
        vux, vuy = fx * vx + tl.where(sx == ux, wx, 0.0), fy * vy + tl.where(sy == uy, wy, 0.0)
        vcx, vcy = vux * iz, vuy * iz
        vcz = vz - iz * (
            _dot(fax, fay, faz, ax, ay, az) + _dot(fbx, fby, fbz, bx, by, bz) + vux * ux + vuy * uy
        )
        vcx, vcy, vcz = tl.where(seen, vcx, 0.0), tl.where(seen, vcy, 0.0), tl.where(seen, vcz, 0.0)
        gx += vcx * r00 + vcy * r10 + vcz * r20
        gy += vcx * r01 + vcy * r11 + vcz * r21
        gz += vcx * r02 + vcy * r12 + vcz * r22
        if POSES:
            v = by_viewmats + camera * 16
            # The covariances turn with the camera too: through a and b, which hold its rows.
            ox, oy, oz = (
                -sx * ex * fax - sy * ey * fbx,
                -sx * ex * fay - sy * ey * fby,
                -sx * ex * faz - sy * ey * fbz,
            )
            tl.atomic_add(v, tl.sum(tl.where(seen, vcx * mx + ex * fax, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 1, tl.sum(tl.where(seen, vcx * my + ex * fay, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 2, tl.sum(tl.where(seen, vcx * mz + ex * faz, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 3, tl.sum(vcx, 0), sem="relaxed")
            tl.atomic_add(v + 4, tl.sum(tl.where(seen, vcy * mx + ey * fbx, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 5, tl.sum(tl.where(seen, vcy * my + ey * fby, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 6, tl.sum(tl.where(seen, vcy * mz + ey * fbz, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 7, tl.sum(vcy, 0), sem="relaxed")
            tl.atomic_add(v + 8, tl.sum(tl.where(seen, vcz * mx + ox, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 9, tl.sum(tl.where(seen, vcz * my + oy, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 10, tl.sum(tl.where(seen, vcz * mz + oz, 0.0), 0), sem="relaxed")
            tl.atomic_add(v + 11, tl.sum(vcz, 0), sem="relaxed")
        camera += 1

    tl.store(by_means + at * 3, gx, there)
    tl.store(by_means + at * 3 + 1, gy, there)
    tl.store(by_means + at * 3 + 2, gz, there)
    if GIVEN:
        o = by_covars + at * 6
        tl.store(o, g0, there)
        tl.store(o + 1, g1, there)
        tl.store(o + 2, g2, there)
        tl.store(o + 3, g3, there)
        tl.store(o + 4, g4, there)
        tl.store(o + 5, g5, there)
    else:
        m00, m01, m02, m10, m11, m12, m20, m21, m22 = _turned(h0, h1, h2, h3)
        o = by_scales + at * 3
        tl.store(o, _dot(g0, g1, g2, m00, m01, m02), there)
        tl.store(o + 1, _dot(g3, g4, g5, m10, m11, m12), there)
        tl.store(o + 2, _dot(g6, g7, g8, m20, m21, m22), there)
        g0, g1, g2 = g0 * h5, g1 * h5, g2 * h5  # by the rotation's columns
        g3, g4, g5 = g3 * h6, g4 * h6, g5 * h6
        g6, g7, g8 = g6 * h7, g7 * h7, g8 * h7
        w = 2 * (h3 * (g1 - g3) + h2 * (g6 - g2) + h1 * (g5 - g7))
        x = 2 * (h2 * (g1 + g3) + h3 * (g2 + g6) + h0 * (g5 - g7)) - 4 * h1 * (g4 + g8)
        y = 2 * (h1 * (g1 + g3) + h3 * (g5 + g7) + h0 * (g6 - g2)) - 4 * h2 * (g0 + g8)
        z = 2 * (h1 * (g2 + g6) + h2 * (g5 + g7) + h0 * (g1 - g3)) - 4 * h3 * (g0 + g4)
        along = w * h0 + x * h1 + y * h2 + z * h3  # through the normalisation
        o = by_quats + at * 4
        tl.store(o, h4 * (w - along * h0), there)
        tl.store(o + 1, h4 * (x - along * h1), there)
        tl.store(o + 2, h4 * (y - along * h2), there)
        tl.store(o + 3, h4 * (z - along * h3), there)


class _Project(torch.autograd.Function):
    # torch declares both with *args: naming what is passed is its documented use.
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        means: Tensor,
        covars: Optional[Tensor],
        quats: Optional[Tensor],
        scales: Optional[Tensor],
        opacities: Optional[Tensor],
        viewmats: Tensor,
        ks: Tensor,
        lens: Lens,
        packed: bool,
    ) -> tuple[Optional[Tensor], ...]:
        batches, n = means.shape[:2]
        cameras = viewmats.shape[1]
        shape = (batches * cameras, n)
        radii = means.new_empty(*shape, 2, dtype=torch.int32)
        means2d, depths = means.new_empty(*shape, 2), means.new_empty(shape)
        conics = means.new_empty(*shape, 3)
        factors = means.new_empty(shape) if lens.compensate else None
        if radii.numel():
            _project[(triton.cdiv(n, _BLOCK), batches * cameras)](
                means, covars, quats, scales, opacities, viewmats, ks,
                radii, means2d, depths, conics, factors, n, cameras, lens.width, lens.height,
                lens.eps2d, lens.near, lens.far, lens.radius_clip, GIVEN=covars is not None,
                NARROW=opacities is not None, COMPENSATE=lens.compensate, LEAST=ALPHA_LEAST,
                MOST=SIGMAS_MOST, MARGIN=FIELD_MARGIN, BLOCK=_BLOCK,
            )  # fmt: skip
        seen, place, rows = radii, None, None
        if packed:
            visible = (radii > 0).all(-1).flatten()
            rows = visible.nonzero()[:, 0]
            place = torch.full_like(visible, -1, dtype=torch.int32)
            place[rows] = torch.arange(len(rows), dtype=torch.int32, device=place.device)
            whole = (radii, means2d, depths, conics, factors)
            radii, means2d, depths, conics, factors = (  # type: ignore[assignment]
                t if t is None else t.flatten(0, 1).index_select(0, rows) for t in whole
            )
        ctx.save_for_backward(
            means, covars, quats, scales, viewmats, ks, None if packed else seen, place
        )
        ctx.count = len(rows) if rows is not None else seen.shape[0] * n
        ctx.lens = lens
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(t for t in (radii, rows) if t is not None))
        return radii, means2d, depths, conics, factors, rows

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any,
        _radii: None,
        by_means2d: Optional[Tensor],
        by_depths: Optional[Tensor],
        by_conics: Optional[Tensor],
        by_factors: Optional[Tensor],
        _rows: None,
    ) -> tuple[Optional[Tensor], ...]:
        means, covars, quats, scales, viewmats, ks, radii, place = ctx.saved_tensors
        lens: Lens = ctx.lens
        batches, n = means.shape[:2]
        poses = ctx.needs_input_grad[5]
        out = [t if t is None else torch.empty_like(t) for t in (means, covars, quats, scales)]
        by_viewmats = torch.zeros_like(viewmats) if poses else None

        def given(gradient: Optional[Tensor], *each: int) -> Tensor:
            return means.new_zeros(ctx.count, *each) if gradient is None else gradient.contiguous()

        if means.numel():
            _back[(triton.cdiv(n, _BLOCK), batches)](
                means, covars, quats, scales, viewmats, ks, radii, place,
                given(by_means2d, 2), given(by_depths), given(by_conics, 3),
                given(by_factors) if lens.compensate else None, *out, by_viewmats,
                n, viewmats.shape[1], lens.width, lens.height, lens.eps2d, GIVEN=covars is not None,
                COMPENSATE=lens.compensate, POSES=poses, PACKED=place is not None, MARGIN=FIELD_MARGIN,
                BLOCK=_BLOCK,
            )  # fmt: skip
        by_means, by_covars, by_quats, by_scales = out
        return by_means, by_covars, by_quats, by_scales, None, by_viewmats, None, None, None


def project(g: Gaussians, viewmats: Tensor, ks: Tensor, lens: Lens, packed: bool) -> Projected:
    """As the eager one, in float32."""
    opacities = None if g.opacities is None else g.opacities.detach()
    some = (g.means, g.covars, g.quats, g.scales, opacities, viewmats, ks)
    ready = (t if t is None else t.contiguous() for t in some)
    return Projected(*_Project.apply(*ready, lens, packed))
