"""The screen of a player, in any size: settings, text, figures at the cursor, keys."""

from collections.abc import Sequence

from cygnet.tokenizer.display import visible
from cygnet.xray.pieces import bracketed, joined, part_of, percent
from cygnet.xray.play.keys import KEYS, Key
from cygnet.xray.play.player import Player
from cygnet.xray.play.rows import Row, columns, cut, filled
from cygnet.xray.play.settings import SETTINGS, shown
from cygnet.xray.play.text_views import CURSOR, mark_of, place, text_rows
from cygnet.xray.trace import Alternative

BAR = "reverse"
NAME_COLUMNS = 16
WIDEST_BAR = 24
HELP_WIDTH = 40
ALWAYS = ("?", "q")  # keys that are on every screen


def draw(player: Player, width: int, height: int) -> list[Row]:
    """Everything that is to be seen, in exactly ``height`` rows of at most ``width`` columns."""
    if player.help_row is not None:
        return _exactly(_help(player.help_row, width, height), width, height)
    top = [_header(player, width)] if height >= 4 else []
    foot = _foot(player, width, max(1, height // 8)) if height >= 5 else []
    free = height - len(top) - len(foot)
    panel = _figures(player, width)[: max(1, (free + 1) // 4)] if free >= 3 else []
    n_choices = min(len(player.choices), (free - len(panel)) // 2)
    n_text = max(0, free - len(panel) - n_choices)
    text = text_rows(player, width, n_text)
    rows = [*top, *text, *panel, *_choices(player, n_choices, width), *foot]
    return _exactly(rows, width, height)


def _exactly(rows: list[Row], width: int, height: int) -> list[Row]:
    rows = rows[:height] + [[] for _ in range(height - len(rows))]
    return [cut(row, width) for row in rows]


def _header(player: Player, width: int) -> Row:
    """Whether it runs, and the settings: with their names, or by their keys where it is narrow."""
    values = [(setting, shown(setting, player.sampling)) for setting in SETTINGS]
    set_ones = [(setting, value) for setting, value in values if value != "off"]
    speed = f"{player.speed} a second" if player.speed else "full speed"
    forms = (
        [*(f"{setting.name} {value}" for setting, value in values), speed],
        [f"{setting.name} {value}" for setting, value in set_ones],
        [f"{setting.letter} {value}" for setting, value in set_ones],
    )
    lines = [" " + "  ".join([_state(player), *parts]) for parts in forms]
    fitting = next((line for line in lines if len(line) <= width), lines[-1])
    return filled([(BAR, fitting)], width, BAR)


def _state(player: Player) -> str:
    if player.running:
        return "RUNS  "
    return "works " if player.is_busy else "paused"


def _figures(player: Player, width: int) -> list[Row]:
    """What is known of the token under the cursor, the most important first."""
    picture, where = player.picture, place(player.picture, player.position)
    if player.is_at_end:
        after = "end of document" if picture.ended else f"{len(picture.trace.tokens)} tokens"
        following = f"what may come next ({after})"
        return _ruled([where, following, "probability, drawn from"], width)
    token = picture.trace.tokens[player.position]
    part = part_of(picture.trace.tokens, player.position)
    parts = [where, mark_of(token) + bracketed(token), *filter(None, [part])]
    if token.figures is None:
        return _ruled([*parts, "no token before it", f"id {token.id}", token.origin], width)
    parts += [percent(token.figures.probability), f"{token.surprise:.1f} bits"]
    if token.drawn_probability is not None:
        parts.append(f"drawn from {percent(token.drawn_probability)} (others: not kept)")
    parts += [f"rank {token.figures.rank:,}", f"entropy {token.figures.entropy:.1f} bits"]
    kind = [] if token.kind == "text" else [token.kind]
    return _ruled([*parts, f"id {token.id}", token.origin, *kind], width)


def _ruled(parts: list[str], width: int) -> list[Row]:
    """Parts in as many rows as they take, the first one led by a rule."""
    lines = joined(["──", *parts], width, gap=" · ")
    lines[0] = lines[0].replace("── · ", "── ", 1)
    return [[("bold", line)] for line in lines]


def _choices(player: Player, n_rows: int, width: int) -> list[Row]:
    """The alternatives at the cursor, the selected one among them."""
    first = max(0, min(player.selected - n_rows // 2, len(player.choices) - n_rows))
    drawn = {one.id: one.probability for one in player.picture.drawn_from}
    rows = []
    for number in range(first, first + n_rows):
        one = player.choices[number]
        share = f" {percent(drawn.get(one.id, 0)):>6}" if player.is_at_end else ""
        rows.append(_choice(player, number, share, width))
    return rows


def _choice(player: Player, number: int, share: str, width: int) -> Row:
    """An alternative: its key, its own probability, at the end its share of the draw, a bar."""
    one = player.choices[number]
    style = CURSOR if number == player.selected else ""
    name = cut([(style, one.text)], min(NAME_COLUMNS, max(1, width // 3)))
    key = str(number + 1) if number < 9 else " "
    padding = " " * (min(NAME_COLUMNS, max(1, width // 3)) - columns(name))
    figures = (
        f"{padding} {percent(one.probability):>6}{share} {'●' if _is_here(player, one) else ' '} "
    )
    row: Row = [(style, f" {key} "), *name, ("", figures)]
    n_bar = min(WIDEST_BAR, width - columns(row) - 1)
    return [*row, ("dim", "▇" * round(one.probability * max(0, n_bar)))]


def _is_here(player: Player, one: Alternative) -> bool:
    return not player.is_at_end and player.picture.trace.tokens[player.position].id == one.id


def _foot(player: Player, width: int, n_rows: int) -> list[Row]:
    """A row for what is to be said, and the keys, as many as fit."""
    message = visible(player.message.encode(errors="replace")).replace("·", " ")
    rows: list[Row] = [[("bold", message)]]
    return rows + [[("", line)] for line in key_lines(width, n_rows)]


def key_lines(width: int, n_rows: int) -> list[str]:
    """The keys in some rows, the most important ones; help and quit are always there.

    >>> key_lines(40, 1)
    ['? help  q quit  space run  n step']
    """
    hints = [_hint(key) for key in KEYS if key.hint and key.label not in ALWAYS]
    always = [_hint(key) for key in KEYS if key.label in ALWAYS]
    return joined([*always, *hints], width)[:n_rows]


def _hint(key: Key) -> str:
    return f"{key.label} {key.hint}"


def _help(first: int, width: int, height: int) -> list[Row]:
    """The keys from one row on, side by side where there is room."""
    n_columns = max(1, min(2, width // HELP_WIDTH))
    n_rows, n_shown = -(-len(KEYS) // n_columns), max(0, height - 1)
    rows = [_help_row(KEYS[i::n_rows]) for i in range(n_rows)]
    first = max(0, min(first, n_rows - n_shown))
    more = f" {first + 1}-{first + n_shown} of {n_rows}, ↑ ↓ more;" if n_rows > n_shown else ";"
    heading: Row = [(BAR, f" keys{more} Esc: back ")]
    return [heading, *rows[first : first + n_shown]]


def _help_row(keys: Sequence[Key]) -> Row:
    row: Row = []
    for key in keys:
        row += [("bold", f" {key.label:6}"), ("", key.about.ljust(HELP_WIDTH - 7))]
    return row
