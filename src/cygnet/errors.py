"""Everything that cygnet raises on purpose, in one tree.

    CygnetError            one clear line: what was found, and what to do
      InputError           what the caller gave cannot be used (a file, a text, an option)
        EncodingError      bytes that are not UTF-8, with file, document and byte offset
      StaleError           a finished stage was made from other inputs or options
      DamagedError         a file is truncated, or its bytes are not those that were written
      DivergedError        the loss of a training is no longer a number
      StorageError         the disk is full, or a folder may not be written
      BusyError            another process is at work in the same folder
      RankError            another process of the same training has ended

The command line prints the message of a ``CygnetError`` on one line and exits with 2.
"""


class CygnetError(Exception):
    """Base of every error that cygnet raises on purpose."""


class InputError(CygnetError, ValueError):
    """What the caller gave cannot be used."""


class EncodingError(InputError):
    """Text that is not UTF-8."""


class StaleError(CygnetError):
    """A finished stage was made from other inputs or options."""


class DamagedError(CygnetError):
    """A file is truncated, or its bytes are not those that were written."""


class DivergedError(CygnetError):
    """The loss of a training is no longer a number."""


class StorageError(CygnetError, OSError):
    """The disk is full, or a folder may not be written."""


class BusyError(CygnetError):
    """Another process is at work in the same folder."""


class RankError(CygnetError):
    """Another process of the same training has ended."""
