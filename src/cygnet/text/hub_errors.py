"""What goes wrong with a hub, in one line that says what to do."""

import contextlib
from collections.abc import Iterator

from cygnet.errors import InputError, StorageError
from cygnet.files import DISK_FULL
from cygnet.text.hub_cache import Repo

OWN_FILES = "pass files that are already there: --text.train FILE --text.valid FILE"


@contextlib.contextmanager
def in_one_line(repo: Repo, file: str) -> Iterator[None]:
    """Turn what ``huggingface_hub`` raises into one line that says what to do."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import EntryNotFoundError, FileMetadataError, OfflineModeIsEnabled

    try:
        yield
    except (
        httpx2.HTTPError,  # the base of HfHubHTTPError and of everything about connections
        httpx2.InvalidURL,
        EntryNotFoundError,
        FileMetadataError,
        OfflineModeIsEnabled,
    ) as error:
        raise InputError(_explain(repo, file, error)) from error
    except OSError as error:
        reason = "the disk is full" if error.errno in DISK_FULL else error.strerror or error
        raise StorageError(
            f"{file} cannot be written to the cache {constants.HF_HUB_CACHE} ({reason}): mend that,"
            " or set HF_HOME to another folder, and run the same command again"
        ) from error


def _explain(repo: Repo, file: str, error: Exception) -> str:
    """One line for a file that the hub does not give."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub, name = constants.ENDPOINT, f"the data set {repo.repo_id}"
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, OfflineModeIsEnabled):
        return (
            f"HF_HUB_OFFLINE is set, and {file} of {name} is not in the cache"
            f" {constants.HF_HUB_CACHE}: unset it, or {OWN_FILES}"
        )
    if status in (401, 403):
        return (
            f"{hub} refuses {name} ({status}): it does not exist, or it wants a login (`hf auth"
            f" login` or HF_TOKEN) and its terms accepted at {hub}/datasets/{repo.repo_id};"
            f" or {OWN_FILES}"
        )
    if isinstance(error, RepositoryNotFoundError):
        return f"{hub} does not have {name}: check HF_ENDPOINT, or {OWN_FILES}"
    if isinstance(error, RevisionNotFoundError):
        return f"{name} on {hub} has no revision {repo.revision!r}: {OWN_FILES}"
    if isinstance(error, RemoteEntryNotFoundError):
        return f"{name} on {hub} has no file {file}: check HF_ENDPOINT, or {OWN_FILES}"
    reason = f"it answers {status}" if status else " ".join(str(error).split()) or repr(error)
    return (
        f"{file} of {name} is not in the cache, and {hub} does not give it ({reason}): try again"
        f" (what has arrived is kept), set HF_ENDPOINT to a mirror, or {OWN_FILES}"
    )
