"""Where the tokenizer comes from that a compact vocabulary is cut from: a folder, or the hub.

gpt2/   runs/demo   cl100k_base.tiktoken      what ``Tokenizer.load`` takes
hub:owner/name[@revision]                     a model repository on the Hugging Face hub
"""

from pathlib import Path

from cygnet.errors import InputError
from cygnet.files import sha256_file
from cygnet.tokenizer import formats
from cygnet.tokenizer.tokenizer import Tokenizer

HUB, GPT2 = "hub:", "hub:openai-community/gpt2"
CONFIG = "tokenizer_config.json"
FILES = ("tokenizer.json", CONFIG, *formats.gpt2.NAMES)
"""What is taken from a repository, where it is there."""
REMEDY = (
    "--base (in a recipe --tokenizer.base) takes a folder with tokenizer.json, or with vocab.json"
    " and merges.txt, as GPT-2's at https://huggingface.co/openai-community/gpt2"
)
FETCHED = f"; {GPT2} fetches those"


def load_base(base: str, pattern: str | None = None) -> Tokenizer:
    """Load a tokenizer by its folder or file, or from the hub.

    Args:
        base: See the top of this module.
        pattern: How text is split, for files that do not say it; see ``Tokenizer.load``.

    Raises:
        InputError: There is none, the hub does not give it, or it is a compact vocabulary itself.
        DamagedError: A file cannot be read as what it should be.
    """
    return formats.load_bpe(_find(base), pattern)


def base_inputs(base: str) -> dict[str, str]:
    """The files of a base tokenizer and the sha256 of each, as inputs of a stage."""
    found = _find(base)
    pair = next((names for names in formats.gpt2.PAIRS.items() if found.name in names), ())
    names = dict.fromkeys([found.name, *pair, CONFIG])
    paths = [path for name in names if (path := found.with_name(name)).is_file()]
    return {f"tokenizer.base {path.name}": sha256_file(path) for path in paths}


def _find(base: str) -> Path:
    """The file that a base is read from."""
    path = _download(base) if base.startswith(HUB) else Path(base).expanduser()
    if not path.exists():
        raise InputError(f"there is no tokenizer {base}: {REMEDY}{FETCHED}")
    try:
        return formats.find(path)
    except InputError as error:
        raise InputError(f"{base} holds no tokenizer: {REMEDY}{FETCHED}") from error


def _download(base: str) -> Path:
    """Bring the files of a repository into the Hugging Face cache, or find them there."""
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repo_id, _, revision = base.removeprefix(HUB).partition("@")
    try:
        return Path(
            snapshot_download(repo_id, revision=revision or None, allow_patterns=list(FILES))
        )
    except (httpx2.HTTPError, httpx2.InvalidURL, LocalEntryNotFoundError) as error:
        reason = " ".join(str(error.__cause__ or error).split())
        if isinstance(error, HfHubHTTPError):
            reason = f"it answers {error.response.status_code}"
        raise InputError(f"the hub does not give {base} ({reason}): {REMEDY}") from error
    except HFValidationError as error:
        raise InputError(f"{base} is no repository: write hub:OWNER/NAME; {REMEDY}") from error
