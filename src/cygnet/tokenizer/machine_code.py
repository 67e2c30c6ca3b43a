"""The kernels as machine code: compiled by Numba once per machine, loaded without it afterwards.

Numba takes half a second to import, its compiler more, and neither is needed to run code that it
has made. So the object code is kept in a file, and LLVM's linker, which takes 30 ms, loads it. The
name of the file is a hash of the kernels' sources, the versions of the compilers and the processor:
an edit or another machine makes another file. (Numba's own cache does not see edits of functions in
other modules.)
"""

import ctypes
import functools
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cygnet.console import say
from cygnet.errors import CygnetError, StorageError
from cygnet.files import atomic_writer, make_folder

SOURCES = Path(__file__).parent / "kernels"
DTYPES = {"u8": "B", "u16": "H", "u32": "I", "u64": "L", "i32": "i", "i64": "l"}


class Kernel:
    """One compiled function; the GIL is released while it runs.

    Calling it with arrays and integers returns an integer. Arrays must be contiguous and of the
    declared type; nothing checks their size but the caller.
    """

    def __init__(self, name: str, address: int, signature: str) -> None:
        # Numba's calling convention: place of the result, place of an exception, arguments.
        types = [ctypes.c_int64 if kind == "i64" else ctypes.c_void_p for kind in signature.split()]
        function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *types)
        self.name = name
        self._call: Callable[..., int] = function(address)
        self._kinds = [np.dtype(DTYPES[kind[:-1]]) if kind.endswith("*") else None
                       for kind in signature.split()]  # fmt: skip

    def __call__(self, *arguments: Any) -> int:
        """Run it; raises TypeError where an array is not of the declared type."""
        result, exception = ctypes.c_int64(), ctypes.c_void_p()
        converted = [
            argument if kind is None else self._address(argument, kind)
            for argument, kind in zip(arguments, self._kinds, strict=True)
        ]
        status = self._call(ctypes.addressof(result), ctypes.addressof(exception), *converted)
        if status not in (0, -1):  # -1: the result is None
            raise CygnetError(f"the kernel {self.name} failed with status {status}")
        return result.value

    def _address(self, array: "np.ndarray[Any, Any]", dtype: "np.dtype[Any]") -> int:
        if array.dtype != dtype or not array.flags.c_contiguous:
            raise TypeError(f"{self.name} takes contiguous {dtype}, not {array.dtype}")
        address: int = array.__array_interface__["data"][0]
        return address


@dataclass(frozen=True)
class ObjectCode:
    """What the compiler made of one kernel."""

    name: str
    symbol: str
    signature: str
    content: bytes


@functools.cache
def kernels() -> dict[str, Kernel]:
    """All kernels by name; compiles them if this machine has not yet.

    Cost: 60 ms; the first time on a machine about 15 s.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    path = cache_folder() / f"kernels-{_fingerprint(llvm)}.bin"
    objects = _read(path)
    if objects is None:
        say("compiling kernels, once per machine (about 15 s)")
        objects = _compile()
        _write(path, objects)
    return {found.name: _link(llvm, found) for found in objects}


def cache_folder() -> Path:
    """Where compiled kernels are kept: CYGNET_CACHE, or ``cygnet`` in the user's cache folder."""
    if "CYGNET_CACHE" in os.environ:
        return Path(os.environ["CYGNET_CACHE"])
    caches = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(caches) if caches else Path.home() / ".cache") / "cygnet"


def _fingerprint(llvm: Any) -> str:
    digest = hashlib.sha256()
    for source in sorted(SOURCES.glob("*.py")):
        digest.update(source.read_bytes())
    processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    digest.update(repr((version("numba"), version("llvmlite"), processor)).encode())
    return digest.hexdigest()[:32]


def _compile() -> list[ObjectCode]:
    from numba import njit, types

    from cygnet.tokenizer.kernels.exports import KERNELS

    exported: dict[str, tuple[Any, str]] = KERNELS
    pointer: Any = types.CPointer

    numba_types = {"u8": types.uint8, "u16": types.uint16, "u32": types.uint32,
                   "u64": types.uint64, "i32": types.int32, "i64": types.int64}  # fmt: skip
    objects = []
    for name, (function, signature) in exported.items():
        arguments = tuple(
            pointer(numba_types[kind[:-1]]) if kind.endswith("*") else numba_types[kind]
            for kind in signature.split()
        )
        options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        compiler: Any = njit(types.int64(*arguments), error_model="numpy", **options)
        dispatcher = compiler(function.py_func)
        compiled = dispatcher.overloads[arguments]
        content = compiled.library._get_compiled_object()
        objects.append(ObjectCode(name, compiled.fndesc.llvm_func_name, signature, content))
    return objects


def _link(llvm: Any, found: ObjectCode) -> Kernel:
    library = llvm.JITLibraryBuilder().add_object_img(found.content).export_symbol(found.symbol)
    tracker = library.link(_linker(), found.name)
    _KEPT.append(tracker)
    return Kernel(found.name, tracker[found.symbol], found.signature)


_KEPT: list[Any] = []
"""Linked code is unloaded with its tracker: they live as long as the process."""


@functools.cache
def _linker() -> Any:
    import llvmlite.binding as llvm

    return llvm.create_lljit_compiler(llvm.Target.from_default_triple().create_target_machine())


def _write(path: Path, objects: list[ObjectCode]) -> None:
    """Keep object code: a line of JSON that lists it, then the bytes one after the other."""
    listing = [[o.name, o.symbol, o.signature, len(o.content)] for o in objects]
    body = b"".join(found.content for found in objects)
    header = {"kernels": listing, "sha256": hashlib.sha256(body).hexdigest()}
    try:
        make_folder(path.parent)
        with atomic_writer(path) as file:
            file.write(json.dumps(header).encode() + b"\n" + body)
    except (StorageError, CygnetError, OSError) as error:
        say(f"  the kernels cannot be kept: {error}; CYGNET_CACHE may name another folder")


def _read(path: Path) -> list[ObjectCode] | None:
    """Object code as ``_write`` left it; None where there is none or it is damaged."""
    try:
        header, _, body = path.read_bytes().partition(b"\n")
        content = json.loads(header)
        if hashlib.sha256(body).hexdigest() != content["sha256"]:
            return None
        objects, start = [], 0
        for name, symbol, signature, size in content["kernels"]:
            objects.append(ObjectCode(name, symbol, signature, body[start : start + size]))
            start += size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return objects
