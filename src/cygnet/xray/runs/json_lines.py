"""Files that grow by a line of JSON at a time, also while they grow or after a kill."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cygnet.errors import DamagedError
from cygnet.files import read_bytes


def read_json_lines(path: Path, keys: Iterable[str] = ()) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The lines of a file, each as it stands there and as an object.

    Args:
        path: The file. A last line that is cut short is left out: it is being written, or its
            writer was killed.
        keys: What each object must have.

    Raises:
        InputError: The file cannot be read.
        DamagedError: Another line is no such object.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "metrics.jsonl"
    >>> _ = path.write_text('{"step": 1}\\n{"st')
    >>> list(read_json_lines(path, ["step"]))
    [(b'{"step": 1}\\n', {'step': 1})]
    """
    for number, line in enumerate(read_bytes(path).splitlines(keepends=True), start=1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            if not line.endswith(b"\n"):
                return
            value = None
        if not isinstance(value, dict) or not all(key in value for key in keys):
            wanted = f" with {', '.join(keys)}" if keys else ""
            raise DamagedError(f"{path} is damaged: line {number} is no object of JSON{wanted}")
        yield line, value
