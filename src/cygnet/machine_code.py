"""The kernels as machine code: compiled by Numba once per machine, loaded without it afterwards.

Numba takes half a second to import, its compiler more, and neither is needed to run code that it
has made. So the object code is kept in a file, and LLVM's linker, which takes 30 ms, loads it. The
name of the file is a hash of the kernels' sources, the versions of the compilers and the processor:
an edit or another machine makes another file. (Numba's own cache does not see edits of functions in
other modules.) What is in such a file is executed, so it is loaded only where nobody but this user
and root could have written it, and its checksum is right; else the kernels are compiled anew.
"""

import contextlib
import ctypes
import functools
import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cygnet.console import say
from cygnet.errors import CygnetError
from cygnet.files import atomic_writer

SOURCES = Path(__file__).parent / "kernels"
ROOT_USER, WRITABLE_BY_OTHERS = 0, 0o022
# Files of earlier sources, other compilers and other machines that are left, 0.2 MB each.
FILES_KEPT = 16
DTYPES: dict[str, Any] = {
    "u8": np.uint8,
    "u16": np.uint16,
    "u32": np.uint32,
    "u64": np.uint64,
    "i32": np.int32,
    "i64": np.int64,
    "f32": np.float32,
}


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
            layout = "contiguous" if array.flags.c_contiguous else "strided"
            raise TypeError(
                f"the kernel {self.name} takes a contiguous array of {dtype}, not a {layout} one"
                f" of {array.dtype}"
            )
        address: int = array.__array_interface__["data"][0]
        return address


@dataclass(frozen=True)
class ObjectCode:
    """What the compiler made of one kernel."""

    name: str
    symbol: str
    signature: str
    content: bytes


def kernels() -> dict[str, Kernel]:
    """All kernels by name; compiles them if this machine has not yet.

    Cost: 60 ms; the first time on a machine about 15 s.
    """
    with _LOCK:  # two threads at once would compile and link twice
        return _load()


_LOCK = threading.Lock()


@functools.cache
def _load() -> dict[str, Kernel]:
    return {found.name: link(found) for found in object_code()}


def object_code() -> list[ObjectCode]:
    """The object code of all kernels, out of the cache; if it is not there it is made and kept."""
    path = cache_folder() / f"kernels-{fingerprint()}.bin"
    objects = _read(path)
    if objects is None:
        say("compiling kernels, once per machine (about 15 s)")
        objects = _compile()
        _keep(path, objects)
        _remove_old(path.parent)
    return objects


def cache_folder() -> Path:
    """Where compiled kernels are kept: CYGNET_CACHE, or ``cygnet`` in the user's cache folder."""
    if os.environ.get("CYGNET_CACHE"):
        return Path(os.environ["CYGNET_CACHE"])
    caches = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(caches) if caches else Path.home() / ".cache") / "cygnet"


def fingerprint() -> str:
    """A hash of all that the object code depends on."""
    import llvmlite
    import llvmlite.binding as llvm

    machine = llvm.get_process_triple(), llvm.get_host_cpu_name()
    # Each release of Numba has an llvmlite of its own, and asking for Numba's version takes 50 ms.
    facts = llvmlite.__version__, *machine, llvm.get_host_cpu_features().flatten()
    digest = hashlib.sha256(repr(facts).encode())
    for source in (Path(__file__), *sorted(SOURCES.glob("*.py"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:32]


def _compile() -> list[ObjectCode]:
    from cygnet.kernels.exports import KERNELS

    exported: dict[str, tuple[Any, str]] = KERNELS
    return [compile_kernel(name, *kernel) for name, kernel in exported.items()]


def compile_kernel(name: str, function: Any, signature: str) -> ObjectCode:
    """Compile one function with Numba; ``signature`` as in ``kernels.exports``."""
    from numba import njit, types

    pointer: Any = types.CPointer
    numba_types = {"u8": types.uint8, "u16": types.uint16, "u32": types.uint32,
                   "u64": types.uint64, "i32": types.int32, "i64": types.int64,
                   "f32": types.float32}  # fmt: skip
    arguments = tuple(
        pointer(numba_types[kind[:-1]]) if kind.endswith("*") else numba_types[kind]
        for kind in signature.split()
    )
    options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiler: Any = njit(types.int64(*arguments), error_model="numpy", **options)
    compiled = compiler(function.py_func).overloads[arguments]
    content = compiled.library._get_compiled_object()
    return ObjectCode(name, compiled.fndesc.llvm_func_name, signature, content)


def link(found: ObjectCode) -> Kernel:
    """Load object code into this process."""
    import llvmlite.binding as llvm

    library = llvm.JITLibraryBuilder().add_object_img(found.content).export_symbol(found.symbol)
    tracker = library.link(_linker(), found.name)
    _KEPT.append(tracker)
    return Kernel(found.name, tracker[found.symbol], found.signature)


_KEPT: list[Any] = []
"""Linked code is unloaded with its tracker: they live as long as the process."""


@functools.cache
def _linker() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.create_lljit_compiler(llvm.Target.from_default_triple().create_target_machine())


def _keep(path: Path, objects: list[ObjectCode]) -> None:
    """Write object code into the cache if that is possible, and say so if not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, objects)
    except (CygnetError, OSError) as error:
        reason = error.__cause__ or error
        say(f"  they cannot be kept ({reason}): CYGNET_CACHE may name a folder that can be written")


def _remove_old(folder: Path) -> None:
    """Leave the newest files, and what a killed process left half written only if it is recent."""
    with contextlib.suppress(OSError):  # another process does the same
        files = sorted(folder.glob("kernels-*"), key=lambda path: path.stat().st_mtime_ns)
        for old in files[:-FILES_KEPT]:
            old.unlink()


def _write(path: Path, objects: list[ObjectCode]) -> None:
    """Write a checksum, a line of JSON that lists the kernels, and their bytes.

    Each process writes a file of its own first: several may compile at once.
    """
    listing = [[found.name, found.symbol, found.signature, len(found.content)] for found in objects]
    content = json.dumps(listing).encode() + b"\n" + b"".join(found.content for found in objects)
    own = path.with_name(f"{path.name}.{os.getpid()}")
    with atomic_writer(own) as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(_checksum(path, content) + b"\n" + content)
    own.replace(path)


def _read(path: Path) -> list[ObjectCode] | None:
    """Object code as ``_write`` left it; None where there is none, or none that may be executed."""
    try:
        with open(path, "rb") as file:
            trusted = _is_trusted(os.fstat(file.fileno()))
            digest, _, content = file.read().partition(b"\n")
    except OSError:
        return None
    if not trusted or _checksum(path, content) != digest:
        return None
    listing, _, body = content.partition(b"\n")
    objects, start = [], 0
    for name, symbol, signature, size in json.loads(listing):
        objects.append(ObjectCode(name, symbol, signature, body[start : start + size]))
        start += size
    return objects


def _checksum(path: Path, content: bytes) -> bytes:
    """The sha256 of a file's content and its name, in hexadecimal."""
    return hashlib.sha256(path.name.encode() + content).hexdigest().encode()


def _is_trusted(status: os.stat_result) -> bool:
    """Whether nobody but this user and root could have written a file."""
    own = status.st_uid in (os.geteuid(), ROOT_USER)
    return own and not status.st_mode & WRITABLE_BY_OTHERS
