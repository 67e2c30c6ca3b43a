"""The softmax of rows of logits, for the loss of a language model and its gradient.

Two passes over a row that stays in the cache. LLVM makes vector code of both: the greatest logit
is found among integers, because a maximum of floats that respects NaN is not vectorized, and the
exponential is a polynomial, because a call of the C library is not either.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from cygnet.kernels.bits import I64, U32, inline

F32, I32 = np.float32, np.int32
# Sums may be taken in any order, so that they fit vectors; NaN and infinity stay what they are.
vectorized: Any = njit(
    error_model="numpy",
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    fastmath={"reassoc", "contract", "nsz"},
)
LOWEST, SIGN, ONE_EXPONENT = I32(-(1 << 31)), I32(31), I32(127)
LOG2_E, SMALLEST_EXPONENT = F32(1.4426950408889634), F32(-126.0)
# 2**f for f in 0..1, interpolated in six Chebyshev nodes: Chebyshev.interpolate of NumPy, degree 5.
C0, C1, C2 = F32(0.9999998983), F32(0.6931544897), F32(0.2401418182)
C3, C4, C5 = F32(0.05586033708), F32(0.008949590424), F32(0.001893754058)


def _bitcast(result: Any, kind: Any, argument: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], kind)

    return result(argument), codegen


@intrinsic
def as_float(typingctx: Any, bits: Any) -> Any:
    """The ``float32`` with these 32 bits."""
    return _bitcast(types.float32, ir.FloatType(), types.uint32)


@intrinsic
def as_bits(typingctx: Any, value: Any) -> Any:
    """The 32 bits of a ``float32``."""
    return _bitcast(types.uint32, ir.IntType(32), types.float32)


@intrinsic
def load_float(typingctx: Any, pointer: Any, place: Any) -> Any:
    """A number as ``float32``, where ``uint16`` stands for bfloat16: the upper half of one."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = builder.load(builder.gep(args[0], [args[1]]))
        if pointer.dtype == types.float32:
            return value
        wide = builder.zext(value, ir.IntType(32))
        return builder.bitcast(builder.shl(wide, wide.type(16)), ir.FloatType())

    return types.float32(pointer, types.int64), codegen


@intrinsic
def store_bits(typingctx: Any, pointer: Any, place: Any, bits: Any) -> Any:
    """Store 32 bits as a ``float32``, or their upper half as a bfloat16."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = builder.gep(args[0], [args[1]])
        if pointer.dtype == types.float32:
            builder.store(builder.bitcast(args[2], ir.FloatType()), address)
        else:
            upper = builder.lshr(args[2], args[2].type(16))
            builder.store(builder.trunc(upper, ir.IntType(16)), address)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, types.uint32), codegen


@vectorized
def store_float(pointer, place, value, half):
    """Store a number; ``half`` rounds it to the nearest bfloat16, ties to even."""
    bits = as_bits(value)
    if half:
        bits += U32(0x7FFF) + (bits >> U32(16) & U32(1))
    store_bits(pointer, place, bits)


@vectorized
def exp(x):
    """The exponential of a number that is not positive, or NaN; relative error below 3e-7.

    Less than the smallest normal number, 1.2e-38, becomes 0.
    """
    power = x * LOG2_E
    whole = np.floor(power)
    part = power - whole
    fraction = ((((C5 * part + C4) * part + C3) * part + C2) * part + C1) * part + C0
    found = as_float(U32(I32(whole) + ONE_EXPONENT) << U32(23)) * fraction
    return F32(0) if power < SMALLEST_EXPONENT else found


@vectorized
def greatest(logits, start, stop):
    """The greatest of some logits: floats compare as integers once negative ones are flipped."""
    top = LOWEST
    for place in range(start, stop):
        bits = I32(as_bits(load_float(logits, place)))
        top = max(top, bits ^ (bits >> SIGN & ~LOWEST))
    return as_float(U32(top ^ (top >> SIGN & ~LOWEST)))


@vectorized
def exponentials(logits, start, stop, top, slope, half):
    """Put ``exp(logit - top)`` times the slope of the cap in place of each logit; gives their sum,
    without the slope."""
    total = F32(0)
    for place in range(start, stop):
        logit = load_float(logits, place)
        value = exp(logit - top)
        total += value
        bent = logit * slope
        gradient = value * (F32(1) - bent * bent)  # NaN where a masked logit is minus infinity
        store_float(logits, place, F32(0) if value == F32(0) else gradient, half)
    return total


@inline
def softmax_rows(logits, targets, n_rows, n_columns, slope, half, losses, totals):
    """Losses of rows of logits; in place of the logits, their gradients times ``totals``.

    Args:
        logits: ``n_rows`` by ``n_columns``, ``float32``, or with ``half`` bfloat16 as ``uint16``.
        targets: Column of each row; a negative one counts for nothing: loss 0, gradient 0.
        slope: One number: 1 / cap where logits are ``cap * tanh(x / cap)`` and the gradient is that
            of ``x``; 0 where they are not capped.
        losses: Gets nats, ``float32``.
        totals: Gets what a row of gradients is to be divided by, infinity for no target.
    """
    for row in range(n_rows):
        start = row * n_columns
        top = greatest(logits, start, start + n_columns)
        target = start + targets[row]
        if targets[row] < 0:
            losses[row], totals[row] = F32(0), F32(np.inf)
            exponentials(logits, start, start + n_columns, top, slope[0], half)
            continue
        logit = load_float(logits, target)
        total = exponentials(logits, start, start + n_columns, top, slope[0], half)
        bent = logit * slope[0]
        gradient = (exp(logit - top) - total) * (F32(1) - bent * bent)
        store_float(logits, target, gradient, half)
        losses[row], totals[row] = np.log(total) + top - logit, total
    return I64(0)
