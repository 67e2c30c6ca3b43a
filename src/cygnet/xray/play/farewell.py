"""What is said when a player is left: the text, and the command that writes it again."""

import shlex
from pathlib import Path

from cygnet.xray.play.clean import clean
from cygnet.xray.play.picture import Picture
from cygnet.xray.play.settings import as_arguments


def text_of(picture: Picture) -> str:
    """The text as it reads; control characters are shown, not sent."""
    return clean(picture.trace.text)


def command(path: Path, picture: Picture) -> str | None:
    """The command that writes a text again.

    None if there is none: part of the prompt was dropped, settings were changed between two tokens,
    or the text went on behind the end of a document.

    Args:
        path: The model.
        picture: The text.
    """
    written = picture.trace.tokens[picture.n_given :]
    steps = [*zip(written, picture.steps, strict=True)]
    samplings = {step.sampling for token, step in steps if token.origin == "drawn"}
    has_end_inside = any(step.ends for step in picture.steps[:-1])
    can_be_typed = all(map(str.isprintable, picture.prompt.split("\n")))
    is_lost = has_end_inside or len(samplings) > 1 or not picture.is_prompt_whole
    if is_lost or not steps or not can_be_typed:
        return None
    prompt = ["--prompt", picture.prompt]
    if picture.prompt.startswith("-"):  # else it would be an option
        prompt = [f"--prompt={picture.prompt}"]
    words = ["cygnet", "xray", "play", str(path), *prompt, "--steps", str(len(steps))]
    words += as_arguments(*(samplings or {steps[0][1].sampling}))
    puts = [f"{i}:{token.id}" for i, (token, _) in enumerate(steps, 1) if token.origin == "forced"]
    return shlex.join([*words, *(["--force", *puts] if puts else [])])
