"""The text stage of a run: find the sources, check every byte, and count.

Files stay where they are; the folder holds their list and figures. Built-in stories are written
into the folder as ``train.txt`` and ``valid.txt``, where anyone can read them.
"""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cygnet import stage
from cygnet.console import progress, say
from cygnet.cores import available_threads, reports, run_ahead
from cygnet.errors import InputError, StaleError
from cygnet.files import atomic_writer
from cygnet.recipe import TextOptions, to_dict
from cygnet.text.batch import TextBatch
from cygnet.text.checking import FileFigures, check_file, totals
from cygnet.text.listing import describe, external_files, hashes, is_unchanged
from cygnet.text.sources import STORIES, Reading, open_file
from cygnet.text.splits import HashSplit, Side, check_fraction
from cygnet.text.stories import parse_source, stories

SPLITS = ("train", "valid")


def inputs(options: TextOptions, folder: Path) -> dict[str, str]:
    """The files that the sources name now, each with the sha256 of its bytes.

    Args:
        options: The section of the recipe.
        folder: The stage's folder; a file that is listed there with the same size and time of
            change is not read again.

    Raises:
        InputError: A source names nothing, or a file that cannot be read; both files and a fraction
            are given to validate on.
    """
    if options.valid_fraction is not None:
        check_fraction(options.valid_fraction)
        if options.valid:
            raise InputError(
                f"text.valid ({' '.join(options.valid)}) and text.valid_fraction"
                f" ({options.valid_fraction}) are both given: leave one of them out"
            )
    found: dict[str, str] = {}
    for split in SPLITS:
        files = list(itertools.chain(*external_files(options, split, folder).values()))
        hashed = zip(files, hashes(files, folder, f"hashing {split}"), strict=True)
        for number, (path, sha256) in enumerate(hashed):
            found[f"text.{split}[{number}] {path.name}"] = sha256
    return found


def build(options: TextOptions, folder: Path) -> dict[str, Any]:
    """Read every document once and return the figures of each split.

    Raises:
        EncodingError: A file is not UTF-8, and ``options.errors`` is ``"strict"``.
        InputError: A split holds no text.

    Cost: one pass over the files, as many at a time as there are cores.
    """
    figures: dict[str, Any] = {}
    for split in SPLITS:
        if getattr(options, split):
            figures |= _build_split(options, folder, split)
    return figures


@dataclass(frozen=True)
class SplitFile:
    """One file of a split, as a finished text stage has found it.

    Attributes:
        path: Where it is.
        sha256: Of its bytes.
        reading: How it becomes documents.
        part: Which of its documents are in the split; None for all.
        record: What the stage has noted of it.
    """

    path: Path
    sha256: str
    reading: Reading
    part: HashSplit | None
    record: dict[str, Any]

    @property
    def n_documents(self) -> int:
        """How many documents of the split it holds."""
        return int(self.record["documents"])

    @property
    def n_bytes(self) -> int:
        """How large it is."""
        return int(self.record["bytes"])

    @property
    def identity(self) -> list[Any]:
        """All that its documents depend on, as plain values."""
        return [self.sha256, asdict(self.reading), self.part and asdict(self.part)]

    def batches(self) -> Iterator[TextBatch]:
        """Its documents, in order; very long ones may come in parts (see ``parts``).

        Raises:
            StaleError: It is gone or was changed since the stage ran, be it while it is read: then
                nothing that was read afterwards is given.
        """
        self._check()
        batches = open_file(self.path, self.reading).batches()
        for batch in self.part.select(batches) if self.part else batches:
            self._check()
            yield batch
        self._check()

    def _check(self) -> None:
        if not is_unchanged(self.path, self.record):
            raise StaleError(
                f"{self.path} was removed or changed since its text stage ran: bring it back, or"
                " pass --overwrite"
            )


def split_files(folder: Path, split: str) -> list[SplitFile]:
    """The files of one split of a finished text stage, in order."""
    found = stage.results(folder)[split]
    record = stage.read_record(folder)
    assert record is not None
    options, outputs = record["options"], record["outputs"]
    fraction = options["valid_fraction"]
    return [
        SplitFile(
            folder / file["path"],  # an absolute path stays as it is
            file.get("sha256") or outputs[file["path"]]["sha256"],
            _reading(options, is_own="sha256" not in file),
            None if fraction is None else HashSplit(_side(split), fraction),
            file,
        )
        for file in found["files"]
        if file["documents"]
    ]


def read_split(folder: Path, split: str) -> Iterator[TextBatch]:
    """The documents of one split of a finished text stage, in order; some may come in parts.

    Raises:
        StaleError: A file is gone or was changed since the stage ran.

    Cost: memory for 8 MiB and, but for ``.txt``, the longest document.
    """
    for file in split_files(folder, split):
        yield from file.batches()


def _reading(options: dict[str, Any], is_own: bool) -> Reading:
    """How a file is read, out of the section of a recipe; the stage writes its own in one way."""
    chosen = {item.name: options[item.name] for item in fields(Reading)}
    return Reading(**chosen | ({"documents": "boundary"} if is_own else {}))


def _side(split: str) -> Side:
    return "valid" if split == "valid" else "train"


def _build_split(options: TextOptions, folder: Path, split: str) -> dict[str, Any]:
    """Check the files of a split; gives its figures, and those of both sides of a split by hash."""
    sources = external_files(options, split, folder)
    paths = [*itertools.chain(*sources.values()), *_write_stories(options, folder, split)]
    found = _check_files(paths, options, folder, f"checking {split}")
    sides = {split: "train"} if options.valid_fraction is None else {side: side for side in SPLITS}
    listing = {
        "sources": {source: [str(path) for path in files] for source, files in sources.items()}
    }
    described = [describe(path, folder) for path in paths]
    _check_unchanged(folder, split, described)
    figures = {}
    for name, side in sides.items():
        files = [
            {**noted, **asdict(getattr(file, side))}
            for noted, file in zip(described, found, strict=True)
        ]
        figures[name] = totals(found, side) | listing | {"files": files}
    for name in sides:
        _check_figures(options, name, figures)
        _say_figures(name, figures[name])
    return figures


def _check_unchanged(folder: Path, split: str, described: list[dict[str, Any]]) -> None:
    """Refuse files that are not what they were when the stage began: they may be read in part."""
    record = stage.read_record(folder) or {"inputs": {}}
    prefix = f"text.{split}["
    hashed = [sha256 for name, sha256 in record["inputs"].items() if name.startswith(prefix)]
    files = [file for file in described if "sha256" in file]
    for file, sha256 in zip(files, hashed, strict=False):
        if file["sha256"] != sha256:
            raise StaleError(f"{file['path']} was changed while it was read: run the same again")


def _check_files(
    paths: list[Path], options: TextOptions, folder: Path, label: str
) -> list[FileFigures]:
    """Read all files, on all cores; an error in one, or Ctrl-C, ends the reading of the others."""
    size = sum(path.stat().st_size for path in paths)
    with progress(label, size / 1e6, "MB") as advance, reports(advance) as on_bytes:

        def check(path: Path) -> FileFigures:
            reading = _reading(to_dict(options), is_own=path.parent == folder)
            return check_file(path, reading, options.valid_fraction, on_bytes)

        return list(run_ahead(check, paths, available_threads()))


def _check_figures(options: TextOptions, split: str, figures: dict[str, Any]) -> None:
    """Refuse a split without a document."""
    if figures[split]["documents"]:
        return
    n_documents = sum(side["documents"] for side in figures.values())
    if not n_documents or options.valid_fraction is None:
        name = split if options.valid_fraction is None else "train"
        raise InputError(f"text.{name} is empty: {' '.join(getattr(options, name))} holds no text")
    raise InputError(
        f"text.valid_fraction {options.valid_fraction} leaves {split} without any of the"
        f" {n_documents:,} documents: choose another, or name files for text.valid"
    )


def _say_figures(split: str, figures: dict[str, Any]) -> None:
    notes = {"nulls": "nulls left out", "replaced": "invalid byte sequences replaced"}
    noted = (f", {figures[name]:,} {what}" for name, what in notes.items() if figures[name])
    say(
        f"  {split}: {figures['documents']:,} documents, {figures['text_bytes'] / 1e6:,.2f} MB"
        f" of text{''.join(noted)}"
    )


def _write_stories(options: TextOptions, folder: Path, split: str) -> list[Path]:
    """Write the built-in stories that a split asks for into one file, if it asks for any."""
    sources = [source for source in getattr(options, split) if source.startswith(STORIES)]
    if not sources:
        return []
    path = folder / f"{split}.txt"
    with atomic_writer(path) as file:
        for source in sources:
            seed, count = parse_source(source)
            with progress(f"writing {split}", count, "story") as advance:
                for story in itertools.islice(stories(seed), count):
                    file.write(f"{story}\n{options.boundary}\n".encode())
                    advance(1)
    return [path]
