"""64 bytes as bit masks. Bit ``i`` of every mask speaks of byte ``i`` of the block.

LLVM lowers the vector compare to whatever the processor has (AVX-512, AVX2, NEON): there is no
code for one platform here.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

U8, U32, U64, I64 = np.uint8, np.uint32, np.uint64, np.int64
ZERO, ONE = U64(0), U64(1)
ALL = ~ZERO

inline: Any = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""A function that kernels call; LLVM decides whether it is inlined. Nobody calls it from Python, so
it has no wrappers for that: they would take a third of the time of compiling."""

_BLOCK = ir.VectorType(ir.IntType(8), 64)
_FIRST_LANE = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
_WORD = ir.IntType(64)


def _splat(builder: Any, byte: Any) -> Any:
    empty = ir.Constant(_BLOCK, ir.Undefined)
    vector = builder.insert_element(empty, byte, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(vector, empty, _FIRST_LANE)


@intrinsic
def in_range(typingctx: Any, text: Any, position: Any, low: Any, count: Any) -> Any:
    """Which of the 64 bytes at ``position`` are among ``low, ..., low + count - 1``.

    All 64 bytes are read: they must lie within the buffer.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        text, position, low, count = args
        address = builder.bitcast(builder.gep(text, [position]), _BLOCK.as_pointer())
        distance = builder.sub(builder.load(address, align=1), _splat(builder, low))
        return builder.bitcast(builder.icmp_unsigned("<", distance, _splat(builder, count)), _WORD)

    return types.uint64(text, types.int64, types.uint8, types.uint8), codegen


@intrinsic
def load64(typingctx: Any, text: Any, position: Any) -> Any:
    """Eight bytes at ``position`` as a little-endian integer; they must lie in the buffer."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = builder.bitcast(builder.gep(args[0], [args[1]]), _WORD.as_pointer())
        return builder.load(address, align=1)

    return types.uint64(text, types.int64), codegen


@intrinsic
def least_of_16(typingctx: Any, values: Any, place: Any) -> Any:
    """The least of the 16 values at ``place``, ``uint32``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(32), 16)
        address = builder.bitcast(builder.gep(args[0], [args[1]]), vector.as_pointer())
        function_type = ir.FunctionType(ir.IntType(32), [vector])
        name = "llvm.vector.reduce.umin.v16i32"
        reduce = cgutils.get_or_insert_function(builder.module, function_type, name)
        return builder.call(reduce, [builder.load(address, align=4)])

    return types.uint32(values, types.int64), codegen


@intrinsic
def prefetch(typingctx: Any, pointer: Any, place: Any) -> Any:
    """Ask for the cache line of ``pointer[place]``, and do not wait for it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        address = builder.bitcast(builder.gep(args[0], [args[1]]), byte)
        function_type = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0")
        read, keep, data = ir.Constant(number, 0), ir.Constant(number, 3), ir.Constant(number, 1)
        builder.call(function, [address, read, keep, data])
        return context.get_dummy_value()

    return types.void(pointer, types.int64), codegen


@intrinsic
def offset(typingctx: Any, pointer: Any, n: Any) -> Any:
    """The pointer ``n`` places on."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.int64), codegen


def _count_zeros(name: str) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function_type = ir.FunctionType(_WORD, [_WORD, ir.IntType(1)])
        function = builder.module.declare_intrinsic(name, (_WORD,), function_type)
        return builder.call(function, [args[0], ir.Constant(ir.IntType(1), 0)])

    return codegen


@intrinsic
def trailing_zeros(typingctx: Any, mask: Any) -> Any:
    """The number of the lowest bit that is set; 64 if none is."""
    return types.int64(types.uint64), _count_zeros("llvm.cttz")


@intrinsic
def leading_zeros(typingctx: Any, mask: Any) -> Any:
    """63 less the number of the highest bit that is set; 64 if none is."""
    return types.int64(types.uint64), _count_zeros("llvm.ctlz")


@inline
def low_bits(n: int) -> int:
    """The lowest ``n`` bits; all of them from 64 on."""
    return ALL if n >= 64 else (ONE << U64(n)) - ONE
