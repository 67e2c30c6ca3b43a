"""Any causal language model of ``transformers``, by its ``config.json``."""

import contextlib
import difflib
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers import CONFIG_MAPPING, PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from cygnet.errors import CygnetError, DamagedError, InputError
from cygnet.files import read_json


def read_config(
    path: str | Path, vocab_size: int, boundary_id: int | None = None
) -> PretrainedConfig:
    """The config in a file, for another vocabulary.

    Args:
        path: A ``config.json``; the code that some name with ``auto_map`` is not run.
        vocab_size: Rows of the tokenizer, in place of those in the file.
        boundary_id: The token that begins and ends a document, in place of theirs.

    Raises:
        InputError: There is no such file; it is of no causal language model; it has a field that
            this version of ``transformers`` does not know; a value is refused.
        DamagedError: It is no JSON.
    """
    path = Path(path)
    values = read_json(path)
    if not isinstance(values, dict):
        raise DamagedError(f"{path} is damaged: a config is a JSON object")
    kind = _find_class(path, values.get("model_type"))
    ours = {
        "vocab_size": vocab_size,
        "bos_token_id": boundary_id,
        "eos_token_id": boundary_id,
        "pad_token_id": None,  # its row would get no gradient
    }
    with refusals(path):
        config = kind(**{**values, **ours, "model_type": kind.model_type})
    _refuse_unknown(path, values, config)
    return config


@contextlib.contextmanager
def refusals(path: str | Path) -> Iterator[None]:
    """Turn what ``transformers`` raises at values that do not go together into one line."""
    try:
        yield
    except CygnetError:
        raise
    except (StrictDataclassError, ArithmeticError, AttributeError, ImportError, LookupError,
            RuntimeError, TypeError, ValueError) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path} describes no model that can be built: {reason}") from error


def _find_class(path: Path, model_type: Any) -> type[PretrainedConfig]:
    if model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        close = difflib.get_close_matches(str(model_type), MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise InputError(
            f"{path} has model_type {json.dumps(model_type)}, which is no causal language model of"
            f" transformers {transformers.__version__}{hint}"
        )
    kind: type[PretrainedConfig] = CONFIG_MAPPING[model_type]
    return kind


def _refuse_unknown(path: Path, values: dict[str, Any], config: PretrainedConfig) -> None:
    """``transformers`` keeps a field that it does not know as an attribute that nothing reads."""
    kind = type(config)
    known = {item.name for item in fields(kind)} | set(kind.attribute_map) | {"model_type"}
    unknown = [key for key in values if key in vars(config) and key not in known]
    if unknown:
        close = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise InputError(
            f"{path} has {', '.join(unknown)}{hint}, which {kind.__name__} of transformers"
            f" {transformers.__version__} does not know: remove or correct it"
        )
