"""The story generator: always the same, never the same twice, and sound English."""

import hashlib
import itertools
import os
import random
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from cygnet.errors import InputError
from cygnet.text.lexicon import BEAST_FAMILY, BEASTS_NAMED, BOYS, FAMILY, GIRLS
from cygnet.text.plots import PLOTS, WORLDS, Plot
from cygnet.text.stories import Words, pick, stories, story, with_article

# sha256 of the first 200 stories of seed 0, joined by a newline. A new word or sentence changes
# it: that is a new edition of the stories, and whoever makes one writes the new digest here.
GOLDEN = "ff0f840c84ec9a1e2426166f3ec69affca3f0f0925b66cc4c9309960d284ef7f"

PEOPLE = {who.name: who for who in GIRLS + BOYS + BEASTS_NAMED}
FAMILY_HE = {who.name: who.he for who in FAMILY + BEAST_FAMILY} | {
    "brother": "he",
    "sister": "she",
    "grandmother": "she",
}
PRONOUNS = {
    "he": {"he", "him", "his", "himself"},
    "she": {"she", "her", "herself"},
}
ANY_PRONOUN = PRONOUNS["he"] | PRONOUNS["she"]


@pytest.fixture(scope="module")
def many() -> list[str]:
    return list(itertools.islice(stories(seed=0), 30_000))


def words_of(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+", text)


def names_in(text: str) -> list[str]:
    """The names of a story, in the order of their first mention."""
    return list(dict.fromkeys(word for word in words_of(text) if word in PEOPLE))


# -- The same everywhere ---------------------------------------------------------------------


def digest_of_200() -> str:
    text = "\n".join(itertools.islice(stories(seed=0), 200))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def test_the_first_stories_are_known() -> None:
    assert digest_of_200() == GOLDEN


def test_another_process_writes_the_same_stories() -> None:
    program = "from cygnet.text.stories import story; print(story(3, 5), story(-1, 2**70))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{story(3, 5)} {story(-1, 2**70)}{os.linesep}".encode()}


def test_a_stream_can_start_anywhere() -> None:
    assert next(stories(4, start=1000)) == story(4, 1000)
    assert list(itertools.islice(stories(4, 7), 3)) == [story(4, i) for i in (7, 8, 9)]


def test_the_index_is_not_negative() -> None:
    with pytest.raises(InputError, match="-1"):
        story(0, -1)


# -- Never twice -----------------------------------------------------------------------------


def test_no_two_of_30_000_are_alike(many: list[str]) -> None:
    assert len(set(many)) == len(many)


def test_seeds_are_different_streams(many: list[str]) -> None:
    assert not set(many) & {story(1, index) for index in range(1000)}


def test_the_choices_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean chance of a story's path of choices, as told in stories.py."""
    chances: list[float] = []

    def counted(rng: random.Random, pool: tuple[Any, ...]) -> Any:
        chances[-1] /= len(pool)
        return pick(rng, pool)

    monkeypatch.setattr("cygnet.text.stories.pick", counted)
    for index in range(3000):
        chances.append(1.0)
        story(0, index)
    assert sum(chances) / len(chances) < 1e-16
    assert max(chances) < 1e-13


@pytest.mark.stress
def test_no_two_of_a_million_are_alike() -> None:
    digests = set()
    for text in itertools.islice(stories(seed=0), 1_000_000):
        assert 80 <= len(text.split()) <= 220, text
        digests.add(hashlib.blake2b(text.encode(), digest_size=16).digest())
    assert len(digests) == 1_000_000


def test_near_copies_are_rare(many: list[str]) -> None:
    """No two of 1,500 stories have more than 60% of their runs of eight words in common."""
    where: dict[tuple[str, ...], list[int]] = {}
    for number, text in enumerate(many[:1500]):
        words = text.split()
        runs = set(zip(*(words[start:] for start in range(8)), strict=False))
        shared = Counter(itertools.chain.from_iterable(where.get(run, ()) for run in runs))
        assert max(shared.values(), default=0) <= 0.6 * len(runs), text
        for run in runs:
            where.setdefault(run, []).append(number)


# -- Size and words --------------------------------------------------------------------------


def test_length(many: list[str]) -> None:
    lengths = [len(text.split()) for text in many]
    assert min(lengths) >= 80
    assert max(lengths) <= 220
    assert 130 <= sum(lengths) / len(lengths) <= 155


def test_word_count(many: list[str]) -> None:
    vocabulary = {word.lower() for text in many[:20_000] for word in words_of(text)}
    assert len(vocabulary - {name.lower() for name in PEOPLE}) >= 1500


def test_no_name_is_also_a_word(many: list[str]) -> None:
    small = {word for text in many for word in re.findall(r"\b[a-z]+\b", text)}
    assert not small & {name.lower() for name in PEOPLE}
    assert not [name for name in PEOPLE if name.endswith("s")]


def test_two_to_five_paragraphs(many: list[str]) -> None:
    assert {text.count("\n") + 1 for text in many} <= {2, 3, 4, 5}
    assert all(paragraph.strip() for text in many for paragraph in text.split("\n"))


# -- Letters and signs -----------------------------------------------------------------------


def test_plain_ascii(many: list[str]) -> None:
    text = "\n".join(many)
    assert text.isascii()
    assert set(re.findall(r"[^A-Za-z]", text)) <= set(" \n.,!?'\"-")


@pytest.mark.parametrize(
    "slip",
    [
        r"  | \n|\n | $",  # a space too many
        r"\b(\w+) \1\b(?<!that that)",  # a word said twice
        r" [.,!?]",  # a space before a stop
        r"[.,!?][A-Za-z]",  # no space after a stop
        r"[.,;]{2}|[!?][.,]",  # two stops
        r"[{}|<>]",  # a piece of the plan
        r"(?m)^[a-z]|[^.!?\"]$",  # a paragraph that begins small or does not end
        r"\.\"? [a-z]",  # a sentence that begins small
    ],
)
def test_no_slip_of_the_pen(many: list[str], slip: str) -> None:
    found = [match[0] for text in many for match in re.finditer(slip, text)]
    assert not found, found[:5]


def test_quotes_are_closed_in_each_paragraph(many: list[str]) -> None:
    for text in many:
        for paragraph in text.split("\n"):
            parts = paragraph.split('"')
            assert len(parts) % 2 == 1, paragraph
            assert all(speech[-1] in ".,!?'" for speech in parts[1::2]), paragraph


def test_a_and_an(many: list[str]) -> None:
    pairs = {pair for text in many for pair in re.findall(r"\b([Aa]n?) (\w+)", text)}
    consonant_sound = ("uni", "use", "uku", "one")
    silent_h = ("hour", "honest")
    for article, word in pairs:
        an = word.startswith(silent_h) or (
            word[0] in "aeiou" and not word.startswith(consonant_sound)
        )
        assert (article.lower() == "an") == an, (article, word)
    assert ("an", "honest") in pairs


def test_with_article() -> None:
    assert [with_article(word) for word in ("ant", "unicorn", "hour", "umbrella", "hat")] == [
        "an ant",
        "a unicorn",
        "an hour",
        "an umbrella",
        "a hat",
    ]


# -- Who is who ------------------------------------------------------------------------------


def test_pronouns_have_someone_to_stand_for(many: list[str]) -> None:
    """A story in which nobody is a "he" has no "he", "him" or "his", and the same for "she"."""
    lonely = 0
    for text in many:
        words = set(words_of(text))
        there = {PEOPLE[name].he for name in names_in(text)}
        there |= {he for name, he in FAMILY_HE.items() if name in words}
        for he in {"he", "she"} - there:
            lonely += 1
            assert not words & PRONOUNS[he] | words & {p.title() for p in PRONOUNS[he]}, text
    assert lonely > 5000  # The check must have something to check.


def test_the_first_pronoun_is_that_of_the_hero(many: list[str]) -> None:
    for text in many:
        hero = PEOPLE[names_in(text)[0]]
        pronouns = (word for word in map(str.lower, words_of(text)) if word in ANY_PRONOUN)
        assert next(pronouns, hero.he) in PRONOUNS[hero.he], text


def test_girls_are_she_and_boys_are_he(many: list[str]) -> None:
    girls = {who.name for who in GIRLS}
    boys = {who.name for who in BOYS}
    for text in many:
        match = re.search(r"\b(girl|boy)\b (?:named|whose name was) (\w+)(.*)", text, re.DOTALL)
        if match and match.start() < 100:
            kind, name, rest = match.groups()
            assert name in (girls if kind == "girl" else boys), text
            pronouns = (word for word in map(str.lower, words_of(rest)) if word in ANY_PRONOUN)
            he = "she" if kind == "girl" else "he"
            assert next(pronouns, he) in PRONOUNS[he], text


def test_nobody_appears_who_was_not_introduced(many: list[str]) -> None:
    for text in many:
        hero, *others = names_in(text)
        first_line = text.split("\n")[0]
        assert re.search(rf"(named|was|^) ?{hero}\b", first_line), text
        assert len(others) <= 1, text
        for name in others:
            introduced = rf"(friend,?|named|name was|I am) {name}\b|\b{name} the [a-z]+"
            match = re.search(rf"\b{name}\b", text)
            assert match
            nearby = text[max(match.start() - 15, 0) : match.end() + 20]
            assert re.search(introduced, nearby), text


# -- The plots -------------------------------------------------------------------------------


def keys(slots: tuple[tuple[str, ...], ...]) -> set[str]:
    found = re.findall(r"\{([^}]*)\}", " ".join(map(" ".join, slots)))
    return {key.lower().removeprefix("a ") for key in found}


def test_there_are_many_plots() -> None:
    assert len({plot.name for plot in PLOTS}) == len(PLOTS) >= 8


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_the_ending_takes_up_what_was_told(plot: Plot) -> None:
    told = set().union(*(keys(slots) for slots in plot.text[:-1]))
    common = {"hero", "he", "him", "his", "himself", "grownup", "snack", "glad"}
    assert (told & keys(plot.text[-1])) - common


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_every_sentence_can_be_said_in_every_world(plot: Plot) -> None:
    sentences = [sentence for slots in plot.text for slot in slots for sentence in slot]
    for world in plot.worlds:
        for number, sentence in enumerate(sentences):
            said = Words(random.Random(number), WORLDS[world]).say(sentence)
            assert not set("{}|<>") & set(said), sentence


def test_a_word_once_drawn_is_kept_and_not_drawn_again() -> None:
    words = Words(random.Random(1), WORLDS["kid"])
    assert words["toy"] == words["toy"]
    assert words["a toy"] == with_article(words["toy"])
    drawn = [words[f"number{n}"] for n in range(2, 11)]
    assert len(set(drawn)) == 9
    assert words["number99"] in drawn  # Nine numbers are all there are.
