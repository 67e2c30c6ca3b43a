"""The end of a report: the commands and versions that made the run, and those that look closer."""

import html
import json
import shlex
from typing import Any

from cygnet.recipe import Recipe, to_dict
from cygnet.recipes import PRESETS
from cygnet.xray.markup import html_table
from cygnet.xray.report.material import Material


def made_by_html(material: Material) -> str:
    """Commands, how long each stage took, versions, and the whole recipe."""
    seconds = [(name, f"{record['seconds']:,.1f} s") for name, record in material.records.items()]
    versions = {
        name: version
        for record in material.records.values()
        for name, version in record["made_by"].items()
    }
    recipe = json.dumps(to_dict(material.recipe), indent=2)
    return (
        f"{_commands_html(material)}{_changes_html(material.recipe)}"
        f"{html_table(('stage', 'time'), seconds) if seconds else ''}"
        f"{html_table(('made by', ''), versions.items()) if versions else ''}"
        f"<details><summary>recipe.json</summary><pre>{html.escape(recipe)}</pre></details>"
    )


def _commands_html(material: Material) -> str:
    folder = shlex.quote(str(material.path))
    recipe = material.recipe
    is_preset = recipe == PRESETS.get(recipe.name, lambda: None)()
    name = recipe.name if is_preset else shlex.quote(str(material.path / "recipe.json"))
    commands = [
        ("makes it again", f"cygnet run {name} --out FOLDER"),
        ("writes this page again", f"cygnet xray report {folder}"),
        ("opens a page to look around", f"cygnet xray serve {folder}"),
        ("writes token by token", f"cygnet xray play {folder}"),
    ]
    rows = "".join(
        f"<tr><td>{html.escape(what)}</td><td><code>{html.escape(command)}</code></td></tr>"
        for what, command in commands
    )
    return f"<table>{rows}</table>"


def _changes_html(recipe: Recipe) -> str:
    """Where the recipe differs from the preset of its name."""
    if recipe.name not in PRESETS:
        return ""
    was, now = _options(PRESETS[recipe.name]()), _options(recipe)
    rows = [
        (f"--{name}".replace("_", "-"), _words(value), _words(was[name]))
        for name, value in now.items()
        if value != was[name]
    ]
    header = (f"differs from {recipe.name} in", "here", "there")
    return html_table(header, rows) if rows else ""


def _options(recipe: Recipe) -> dict[str, Any]:
    """Every option of a recipe under its name on the command line."""
    return {
        f"{room}.{name}": value
        for room, section in to_dict(recipe).items()
        if isinstance(section, dict)
        for name, value in section.items()
    }


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
