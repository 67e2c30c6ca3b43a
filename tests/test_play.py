"""A player without a terminal: what keys do, what is drawn, what a script writes."""

import functools
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth
from transformers import PreTrainedModel

from conftest import cygnet, refused
from cygnet.errors import InputError
from cygnet.files import write_json
from cygnet.recipe import to_dict
from cygnet.recipes import demo
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.figures import TokenFigures
from cygnet.transformer.generation import generate
from cygnet.transformer.sampling import Sampling
from cygnet.xray.pieces import percent
from cygnet.xray.play.clean import clean
from cygnet.xray.play.command import options_of, sampling_of
from cygnet.xray.play.farewell import command, text_of
from cygnet.xray.play.keys import BY_NAME, KEYS, Keyboard
from cygnet.xray.play.picture import Picture
from cygnet.xray.play.player import SPEEDS, VIEWS, Player
from cygnet.xray.play.screen import draw, key_lines
from cygnet.xray.play.script import parse_forced, write
from cygnet.xray.play.settings import SETTINGS
from cygnet.xray.play.styles import as_prompt_toolkit
from cygnet.xray.play.text_views import CURSOR, mark_of, text_rows
from cygnet.xray.shades import SHADES
from cygnet.xray.trace import Alternative, Trace, TraceToken
from cygnet.xray.writing import Writing
from small_models import BYTES, CONFIGS, new_model

SAMPLING = Sampling(temperature=0.8, top_k=50, seed=4)
NASTY = "<b>[red]é🍓👩‍💻❤️ שלום\u202e e\u0301 \x00\x1b[31m\x9b\t\r\n한국어\u0301｡ﾊ"


@functools.cache
def model() -> PreTrainedModel:
    return new_model(CONFIGS["qwen2"])


def new_writing(prompt: str, sampling: Sampling) -> Writing:
    return Writing(model(), BYTES, prompt, sampling, n_alternatives=9)


def new_player(prompt: str = "ab", sampling: Sampling = SAMPLING) -> Player:
    return Player(new_writing, prompt, sampling)


def finish(player: Player, keyboard: Keyboard | None = None) -> None:
    """Do all that was asked for, but do not run on."""
    while player.is_busy:
        if job := player.next_job():
            player.settle(player.run(job))
        if keyboard:
            keyboard.release()


def press(player: Player, *names: str) -> None:
    keyboard = Keyboard(player)
    for name in names:
        keyboard.press(name)
        finish(player, keyboard)


def ids(player: Player) -> list[int]:
    return [token.id for token in player.picture.trace.tokens]


def run_one(player: Player) -> None:
    job = player.next_job()
    assert job is not None
    player.settle(player.run(job))


def test_steps_are_those_of_generate() -> None:
    player = new_player()
    press(player, *"nnnn", "right", "right")
    drawn = generate(model(), BYTES, "ab", temperature=0.8, top_k=50, seed=4, max_tokens=6)
    assert ids(player) == [*b"ab", *(token.id for token in drawn)]


def test_running_writes_on_until_it_is_paused() -> None:
    player = new_player()
    press(player, " ")
    for _ in range(3):
        run_one(player)
    assert len(ids(player)) == 5
    press(player, " ")
    assert player.next_job() is None
    assert len(ids(player)) == 5


def test_a_token_that_comes_after_the_pause_is_not_seen_and_comes_again() -> None:
    player = new_player()
    press(player, " ")
    job = player.next_job()
    assert job is not None
    picture = player.run(job)  # in its thread; meanwhile
    press_now = Keyboard(player)
    press_now.press(" ")
    player.settle(picture)
    finish(player)
    assert len(ids(player)) == 2
    press(player, "n")
    assert ids(player) == [token.id for token in picture.trace.tokens]


def test_keys_wait_for_the_model_and_keep_their_order() -> None:
    slow, quick = new_player(), new_player()
    keyboard = Keyboard(slow)
    names = ["n", "n", "left", "left", "2", "n", "b", "up", "1"]
    for name in names:
        keyboard.press(name)
    finish(slow, keyboard)
    press(quick, *names)
    assert ids(slow) == ids(quick)
    assert slow.position == quick.position


def test_an_alternative_by_its_number_or_selected() -> None:
    player = new_player()
    press(player, "n", "n", "n", "left", "left")
    here = player.picture.trace.tokens[3]
    press(player, "3")
    assert ids(player)[2:] == [ids(player)[2], here.alternatives[2].id]
    assert player.is_at_end
    likely = player.picture.own
    press(player, "down", "down", "up", "enter")
    assert ids(player)[-1] == likely[1].id
    assert player.picture.trace.tokens[-1].origin == "forced"


def test_within_the_prompt_and_back_to_it() -> None:
    player = new_player("abc")
    press(player, "n", "home", "right", "2", "n")
    assert ids(player)[0] == ord("a")
    assert len(ids(player)) == 3
    assert player.picture.n_given == 1
    assert command(Path("run"), player.picture) is None
    press(player, "r")
    assert player.picture.trace.text == "abc"
    press(player, "b")
    assert player.message == "cannot go back by 1: 0 tokens were written"
    assert player.picture.trace.text == "abc"


def test_settings_change_what_is_drawn_from_and_wrong_ones_nothing() -> None:
    player = new_player()
    before = player.picture.drawn_from
    press(player, "T")
    assert player.asked == "temperature"
    assert player.old_answer == "0.8"
    for wrong in ("hot", "-1", "nan", "inf", "1e999", "", "off"):
        player.ask("temperature")
        player.answer(wrong)
        assert "temperature is a number from 0 on" in player.message
        assert player.sampling == SAMPLING
    player.ask("temperature")
    player.answer("0.2")
    finish(player)
    assert player.picture.drawn_from[0].probability > before[0].probability
    press(player, "+", "+", "-")
    assert player.sampling.temperature == pytest.approx(0.3)
    for field, typed, value in [
        ("top_k", "5", 5), ("top_k", "off", None), ("top_k", "0", None), ("top_p", ".5", 0.5),
        ("top_p", "1", None), ("min_p", "0.1", 0.1), ("min_p", "0", None), ("seed", "-3", -3),
        ("seed", str(10**30), 10**30),
    ]:  # fmt: skip
        player.ask(field)
        player.answer(typed)
        assert getattr(player.sampling, field) == value
    finish(player)
    press(player, "n")
    for field, wrong in [("top_k", "2.5"), ("top_k", "-1"), ("top_p", "1.1"), ("seed", "x"),
                         ("min_p", "2"), ("top_k", "9" * 5000)]:  # fmt: skip
        player.ask(field)
        player.answer(wrong)
        assert f"{field.replace('_', '-')} is " in player.message


def test_another_prompt_and_one_that_cannot_be() -> None:
    player = new_player()
    press(player, "n", "p")
    assert player.old_answer == "ab"
    player.answer("zé")
    finish(player)
    assert player.picture.trace.text == "zé"
    assert player.picture.n_given == 3
    no_boundary = Tokenizer([], special_tokens=[])
    bare = Player(lambda p, s: Writing(model(), no_boundary, p, s), "q", SAMPLING)
    bare.ask("prompt")
    bare.answer("")
    finish(bare)
    assert "needs a tokenizer with a boundary" in bare.message
    assert bare.picture.trace.text == "q"
    assert bare.picture.prompt == "q"


def test_the_end_of_a_document_pauses_and_can_be_passed() -> None:
    player = new_player()
    player._change_text(lambda: player._put(2, 256))  # the boundary, as a key would put it
    finish(player)
    assert player.picture.ended
    assert "end of document" in player.message
    press(player, " ")
    run_one(player)
    assert player.running
    assert not player.picture.ended
    player._change_text(lambda: player._put(3, 256))
    finish(player)
    assert "end of document" in str(draw(player, 80, 24))


def test_a_model_that_diverged_is_a_message() -> None:
    broken = new_model(CONFIGS["gpt2"])
    broken.get_input_embeddings().weight.data.fill_(float("nan"))  # type: ignore[operator, union-attr]
    player = Player(lambda p, s: Writing(broken, BYTES, p, s), "", SAMPLING)
    press(player, "n")
    assert "not finite" in player.message
    press(player, " ")
    run_one(player)
    assert not player.running
    draw(player, 80, 24)


ACTIONS = st.one_of(
    st.sampled_from([name for name in BY_NAME if name not in BY_NAME["q"].names]),
    st.sampled_from(["n", "n", "left", "b", "3", "enter"]),
    st.sampled_from(["=0.5", "=off", "=7", "=é ", "="]),
    st.just("!"),  # lets the model work
)


@settings(max_examples=12)
@given(st.lists(ACTIONS, max_size=25), st.integers(1, 60), st.integers(1, 24))
def test_no_keys_break_it(actions: list[str], width: int, height: int) -> None:
    player = new_player()
    keyboard = Keyboard(player)
    for action in actions:
        if action == "!":
            if job := player.next_job():
                player.settle(player.run(job))
            keyboard.release()
        elif action.startswith("=") and len(action) > 1:
            player.answer(action[1:])
        elif not player.asked:
            keyboard.press(action)
        assert 0 <= player.position <= len(ids(player))
        assert player.view in VIEWS
        assert player.speed in SPEEDS
        assert_fits(player, width, height)
    player.running = False
    finish(player, keyboard)
    check_text(player)


def check_text(player: Player) -> None:
    """The text is that of the writing, and the command for it writes it."""
    picture = player.picture
    assert picture.trace == player._writing.trace
    assert len(picture.steps) == len(picture.trace.tokens) - picture.n_given
    words = command(Path("run"), picture)
    if words is None:
        return
    parsed = shlex.split(words)
    named = dict(zip(parsed[4::2], parsed[5::2], strict=False))
    given_settings = {s.field: s.kind(named[f"--{s.name}"]) for s in SETTINGS}
    force = parsed[parsed.index("--force") + 1 :] if "--force" in parsed else []
    n_steps = int(named["--steps"])
    writing = new_writing(named["--prompt"], sampling_of(demo().xray, given_settings))
    again = write(writing, n_steps, parse_forced(force, BYTES, n_steps))
    found = [token.id for token in picture.trace.tokens]
    if picture.ended and picture.trace.tokens[-1].origin == "drawn":
        found.pop()
    assert [token.id for token in again.tokens] == found


def assert_fits(player: Player, width: int, height: int) -> None:
    rows = draw(player, width, height)
    assert len(rows) == height
    for row in rows:
        text = "".join(part for _, part in row)
        assert sum(map(get_cwidth, text)) <= width
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufe0f]", text)


def seen(tokens: list[bytes], **fields: object) -> Picture:
    figures = TokenFigures(5, -3.0, 4, 2.0, ((5, 0.5), (6, 0.25)))
    others = tuple(Alternative(i, content, 0.3) for i, content in enumerate(tokens[:9]))
    found = tuple(
        TraceToken(5, content, "text", "drawn" if i else "given", figures if i else None, others)
        for i, content in enumerate(tokens)
    )
    return Picture(Trace(found), 1, others, others, False, "p", True, (), **fields)  # type: ignore[arg-type]


@settings(max_examples=25)
@given(
    st.lists(st.one_of(st.binary(max_size=9), st.text(max_size=9).map(str.encode)), max_size=60),
    st.sampled_from(VIEWS),
    st.integers(1, 60),
    st.integers(1, 30),
    st.integers(0, 60),
)
def test_any_tokens_fit_any_screen(
    tokens: list[bytes], view: str, width: int, height: int, cursor: int
) -> None:
    player = new_player()
    player.picture, player.view = seen(tokens), view
    player.go(cursor)
    assert_fits(player, width, height)
    styles = [style for row in text_rows(player, width, height) for style, _ in row]
    assert view == "text" or any(CURSOR in style for style in styles)


@pytest.mark.parametrize("view", VIEWS)
def test_the_cursor_is_on_the_screen_in_a_long_text(view: str) -> None:
    player = new_player()
    player.picture, player.view = seen([b" a"] * 3000), view
    for cursor in (0, 29, 30, 31, 59, 60, 1500, 2999, 3000):
        player.go(cursor)
        styles = [style for row in text_rows(player, 10, 3) for style, _ in row]
        assert any(CURSOR in style for style in styles), cursor


@pytest.mark.parametrize("view", VIEWS)
def test_what_is_hard_to_show(view: str) -> None:
    player = new_player()
    whole = [character.encode() for character in NASTY]
    player.picture, player.view = seen([b"", *whole, *(bytes([b]) for b in "é🍓".encode())]), view
    for cursor in range(len(whole) + 8):
        player.go(cursor)
        for width in (1, 2, 3, 40, 80):
            assert_fits(player, width, 10)
    text = "\n".join("".join(part for _, part in row) for row in draw(player, 80, 40))
    if view == "tokens":
        assert "‹c3›" in text
        assert "\\x1b" in text
        assert "\\u202e" in text
    player.picture = seen(list(map(str.encode, "e\u0301x")))
    if view == "tokens":
        assert "◌\u0301" in str(draw(player, 80, 24))


def test_three_views_of_the_same_tokens() -> None:
    player = new_player()
    player.picture = seen([b"he", b"ll", b"o", b" soft", b"\n", b"x", "é".encode()[:1]])

    def text() -> str:
        rows = draw(player, 80, 24)[1:]
        return "\n".join("".join(part for _, part in row) for row in rows)

    assert text().splitlines()[0] == "▏he»▌ll▌o▌·soft▌⏎"
    press(player, "v")
    assert text().splitlines()[0].rstrip() == "hello soft"
    press(player, "v")
    assert re.search(r"step 3 ▌·soft +5\.0% +4\.3 bits  rank 4 +entropy  2\.0", text())


def test_surprise_is_seen_without_colour() -> None:
    assert len({shade.border for shade in SHADES}) == len(SHADES)
    bits = [0.5, 1.5, 3, 5, 8, 12, 20]
    tokens = [TraceToken(0, b"a", figures=TokenFigures(0, -b * 0.693147, 1, 0, ())) for b in bits]
    assert "".join(map(mark_of, tokens)) == "".join(shade.border for shade in SHADES)


def test_figures_of_the_token_under_the_cursor() -> None:
    player = new_player()
    press(player, "n", "n", "left")
    token = player.picture.trace.tokens[3]
    assert token.figures is not None
    text = "\n".join("".join(part for _, part in row) for row in draw(player, 100, 24))
    for wanted in (
        "at 3, step 2", percent(token.figures.probability), f"{token.surprise:.1f} bits",
        f"drawn from {percent(token.drawn_probability or 0)}", f"rank {token.figures.rank}",
        f"entropy {token.figures.entropy:.1f} bits", f"id {token.id}",
    ):  # fmt: skip
        assert wanted in text
    for number, one in enumerate(token.alternatives, 1):
        assert re.search(rf" {number} {re.escape(one.text)} +{percent(one.probability)}", text)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_keys_are_on_the_screen(width: int) -> None:
    shown = key_lines(width, 9)
    assert shown[0].startswith("? help  q quit")
    assert all(len(line) <= width for line in shown)
    for key in KEYS:
        assert not key.hint or f"{key.label} {key.hint}" in "  ".join(shown)
    player = new_player()
    press(player, "?")
    seen_rows: set[str] = set()
    for _ in range(len(KEYS)):
        seen_rows |= {"".join(part for _, part in row) for row in draw(player, 40, 10)}
        press(player, "down")
    for key in KEYS:
        assert any(key.about[:30] in row for row in seen_rows), key
    press(player, "q")
    assert player.help_row is None
    assert not player.finished


def rows_of(player: Player, width: int, height: int) -> list[str]:
    return ["".join(part for _, part in row) for row in draw(player, width, height)]


def test_a_usual_terminal_has_all_that_can_be_done_on_it() -> None:
    player = new_player()
    foot = "  ".join(rows_of(player, 80, 24)[-3:])
    assert all(f"{key.label} {key.hint}" in foot for key in KEYS if key.hint)
    assert all(f"{setting.letter} {setting.name}" in foot for setting in SETTINGS)
    press(player, "?")
    shown = rows_of(player, 80, 24)
    assert all(any(key.about in row for row in shown) for key in KEYS)
    assert "more" not in shown[0]
    assert re.match(r" keys 1-9 of \d+, ↑ ↓ more; Esc: back", rows_of(player, 40, 10)[0])


def test_what_was_put_and_where_the_prompt_ends_are_marked() -> None:
    player = new_player()
    press(player, "n", "n", "left", "2", "n")
    assert re.search(r"b».a?.*►", rows_of(player, 200, 24)[1])
    plain = rows_of(player, 200, 24)[1]
    assert (plain.count("»"), plain.count("►")) == (1, 1)


def test_a_terminal_of_sixteen_colours_gets_none_of_them() -> None:
    style = f"{SHADES[-1].style} underline"
    assert as_prompt_toolkit(style) == "underline fg:#000000 bg:#fa6f00"
    assert as_prompt_toolkit(style, is_plain=True) == "underline"


def test_clean_text_has_joiners_where_they_join_and_no_escapes_for_them() -> None:
    emoji, word = "👩\u200d💻❤\ufe0f", "می\u200cخواهم"
    assert clean(emoji + word + "e\u0301") == emoji + word + "e\u0301"
    assert clean("a\u200db\u200c \ufe0f\x1b\u202e") == "a\\u200db\\u200c \ufe0f\\x1b\\u202e"
    player = new_player()
    player.picture = seen([one.encode() for one in f"{emoji}{word} e\u0301 a\u200db"])
    player.view = "text"
    text = "".join(rows_of(player, 80, 24)[1:4])
    assert text.startswith(f"👩💻❤{word} e\u0301 a\\u200db"), "as wide in all terminals"


def test_a_byte_of_a_character_says_of_which() -> None:
    player = new_player()
    player.picture = seen([bytes([byte]) for byte in "aש".encode()])
    player.go(1)
    assert any("byte 1 of 2 of" in row and "ש" in row for row in rows_of(player, 80, 24))


def test_no_key_has_two_meanings() -> None:
    assert len(BY_NAME) == sum(len(key.names) for key in KEYS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["5"], "STEP:ID or STEP:TEXT"),
        (["x:5"], "STEP:ID or STEP:TEXT"),
        (["0:5"], "no step 0"),
        (["4:abc"], "no step 6, only 1 to 5"),
        (["1:ab", "2:c"], "step 2 has a token already"),
        (["1:"], "STEP:ID or STEP:TEXT"),
    ],
)
def test_what_cannot_be_forced(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_forced(words, BYTES, n_steps=5)


def test_a_script_stops_at_the_end_unless_a_token_is_put_behind_it() -> None:
    boundary = parse_forced(["3:<|endoftext|>"], BYTES, 5)
    assert boundary == {3: 256}
    found = write(new_writing("ab", SAMPLING), 5, boundary)
    assert [token.id for token in found.tokens][4:] == [256]
    with pytest.raises(InputError, match="ended before step 4, and a token is to be put at step 5"):
        write(new_writing("ab", SAMPLING), 5, boundary | {5: 99})
    found = write(new_writing("ab", SAMPLING), 5, boundary | {4: 99})
    assert len(found.tokens) == 7


def test_what_leaves_a_player_is_the_text_without_control_characters() -> None:
    player = new_player("a\nb\x1b[31m \x07")
    assert text_of(player.picture) == "a\nb\\x1b[31m \\x07"
    press(player, "n")
    assert command(Path("run"), player.picture) is None  # such a prompt cannot be typed
    player = new_player("-it's")
    press(player, "n", "1")
    words = command(Path("my run"), player.picture)
    assert words
    assert shlex.split(words)[3:5] == ["my run", "--prompt=-it's"]
    player.picture = replace(player.picture, is_prompt_whole=False)
    assert command(Path("my run"), player.picture) is None


def test_no_command_for_a_text_that_no_command_writes() -> None:
    player = new_player()
    assert command(Path("run"), player.picture) is None
    press(player, "n", "+", "2", "b")
    assert command(Path("run"), player.picture) is not None
    press(player, "n")
    assert command(Path("run"), player.picture) is None  # of two temperatures
    press(player, "r")
    player._change_text(lambda: player._put(2, 256))
    press(player, "n")
    assert player.picture.steps[0].ends
    assert command(Path("run"), player.picture) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a recipe, as far as ``play`` needs it."""
    run = tmp_path_factory.mktemp("run")
    model().save_pretrained(run / "transformer")
    BYTES.save(run / "transformer")
    xray = replace(demo().xray, prompts=("abc",), temperature=0.5, top_k=30, top_p=0.9, seed=8)
    write_json(run / "recipe.json", to_dict(replace(demo(), xray=xray)))
    return run


def test_settings_come_from_the_recipe_unless_given(folder: Path, tmp_path: Path) -> None:
    found = sampling_of(options_of(folder), {"temperature": None, "top_p": 1.0, "top_k": 0})
    assert found == Sampling(temperature=0.5, seed=8)
    assert sampling_of(options_of(folder), {"seed": 0}).seed == 0
    assert options_of(tmp_path).prompts == ("Once upon a time",)


def test_a_script_is_what_generate_writes(folder: Path) -> None:
    options = ("--seed", "5", "--temperature", "0.7", "--top-k", "40", "--top-p", "0.8",
               "--min-p", "0.01", "--prompt", "ab")  # fmt: skip
    result = cygnet("xray", "play", folder, "--steps", "12", "--json", *options)
    assert result.returncode == 0, result.stderr
    found = Trace.from_dict(json.loads(result.stdout))
    written = cygnet("transformer", "generate", folder, "--max-tokens", "12", *options).stdout
    assert "\n".join(found.text.splitlines()) == "\n".join(written.splitlines())
    assert len(found.tokens) == 14


def test_a_script_prints_and_draws(folder: Path, tmp_path: Path) -> None:
    svg = tmp_path / "play.svg"
    result = cygnet("xray", "play", folder, "--steps", "3", "--force", "2:97", "--svg", svg)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("a│b│c»")
    assert "►a│" in lines[0]
    assert lines[4].startswith("6 tokens, 6 bytes")
    assert svg.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "needs a terminal, and standard input and standard output is none: --steps N"),
        (("--json",), "go with --steps"),
        (("--force", "1:5"), "go with --steps"),
        (("--steps", "-1"), "must not be negative"),
        (("--steps", "2", "--alternatives", "-1"), "must not be negative"),
        (("--steps", "2", "--force", "1:257"), "token id 257 is out of range"),
        (("--steps", "2", "--top-p", "2"), "top_p must lie in 0..1"),
    ],
)
def test_what_is_refused(folder: Path, options: tuple[str, ...], message: str) -> None:
    assert message in refused(cygnet("xray", "play", folder, *options))


def test_no_alternatives() -> None:
    player = Player(lambda p, s: Writing(model(), BYTES, p, s, n_alternatives=0), "a", SAMPLING, 0)
    press(player, "n", "enter", "1", "down")
    assert "there is no alternative 1 here" in draw_text(player)


def draw_text(player: Player) -> str:
    press(player, "1")
    return str(draw(player, 80, 24))
