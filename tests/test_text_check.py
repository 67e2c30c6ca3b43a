"""The check of a text: planted defects are found and nothing else is, against brute force."""

import gzip
import json
import random
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from ftfy import fix_encoding
from ftfy.badness import is_bad
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from conftest import cygnet, refused
from cygnet.errors import InputError
from cygnet.text.batch import TextBatch
from cygnet.text.check import CheckReport, check_files, check_text, duplicates, words
from cygnet.text.check.corpus import MemoryCorpus, Piece, SourceCorpus
from cygnet.text.check.duplicates import join_documents, shingle_sets
from cygnet.text.check.encoding import find_mojibake, mend, suspects
from cygnet.text.check.report import Finding, Match
from cygnet.text.check.table import print_report
from cygnet.text.check.words import LAST_CODE, read_words, runs
from cygnet.text.sources import Reading
from cygnet.text.stories import story

END = "<|endoftext|>"
VARIATION_SELECTORS = range(0xE0100, 0xE01F0)
SYLLABLES = [f"{a}{b}" for a in "bcdfghjklm" for b in "aeiou"]


def slow_words(text: str) -> list[str]:
    """The words of a text, character by character."""
    found: list[str] = []
    before = ""  # nothing, a letter, or a letter that stands alone
    for character in text:
        category = unicodedata.category(character)[0]
        small = character.lower() if len(character.lower()) == 1 else character
        if category not in "LMN" or ord(character) in VARIATION_SELECTORS:
            before = ""
            continue
        kind = category
        if category != "M" and any(a <= ord(character) <= b for a, b in words.WITHOUT_BLANKS):
            kind = "alone"
        if not before or kind == "alone" or (kind != "M" and before == "alone"):
            found.append(small)
        else:
            found[-1] += small
        before = kind
    return found


def slow_runs(text: str, n: int) -> list[tuple[str, ...]]:
    parts = slow_words(text)
    return [tuple(parts[i : i + n]) for i in range(len(parts) - n + 1)]


def slow_shingles(text: str) -> set[tuple[str, ...]]:
    return set(slow_runs(text, 5)) or {tuple(slow_words(text))} - {()}


def slow_jaccard(one: str, other: str) -> float:
    a, b = slow_shingles(one), slow_shingles(other)
    return len(a & b) / max(1, len(a | b))


def random_document(source: random.Random, n_words: int) -> list[str]:
    """Words that no other document has in this order."""
    return ["".join(source.choices(SYLLABLES, k=3)) for _ in range(n_words)]


def examples(finding: Finding) -> list[Match]:
    return [example for example in finding.examples if isinstance(example, Match)]


def words_of(documents: list[str]) -> words.Words:
    return read_words(*join_documents(TextBatch.from_strings(documents)))


# Words


SCRIPTS = st.sampled_from("aB9éÉİß ,.'-_\n\t世界かナไทยก็ប្រมြန်한국देवनागरी٣😀\u200d\u0301")
texts = st.text(SCRIPTS, max_size=60)


@given(st.lists(st.one_of(texts, st.text(max_size=20)), max_size=6), st.integers(1, 13))
def test_words_and_runs_are_those_of_a_slow_reader(documents: list[str], n: int) -> None:
    found = words_of(documents)
    expected = [slow_words(document) for document in documents]
    assert np.diff(found.ends, prepend=0).tolist() == [len(part) for part in expected]
    same_number(found.hashes, [word for part in expected for word in part])
    hashes, counts = runs(found, n)
    in_order = [slow_runs(document, n) for document in documents]
    assert counts.tolist() == [len(part) for part in in_order]
    same_number(hashes, [run for part in in_order for run in part])
    assert found.n_characters == sum(len(document) + 1 for document in documents)


def same_number(hashes: np.ndarray, things: list[object]) -> None:  # type: ignore[type-arg]
    """Two have the same number if, and only if, they are the same."""
    assert len(hashes) == len(things)
    assert len(set(zip(hashes.tolist(), things, strict=True))) == len(set(things))
    assert len(set(hashes.tolist())) == len(set(things))


def test_every_character_is_what_the_slow_reader_says() -> None:
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for start in range(0, len(codes), 0x4000):
        text = " ".join(map(chr, codes[start : start + 0x4000]))
        assert len(words_of([text]).hashes) == len(slow_words(text)), hex(codes[start])
    beyond = [code for code in codes if code > LAST_CODE and code not in VARIATION_SELECTORS]
    assert not any(unicodedata.category(chr(code))[0] in "LMN" for code in beyond)


def test_words_do_not_depend_on_where_the_text_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [story(3, i) + " 世界 naïve\u00a0" for i in range(40)]
    whole = words_of(documents)
    monkeypatch.setattr(words, "CHUNK_BYTES", 7)
    monkeypatch.setattr(words, "BLOCK_WORDS", 5)
    cut = words_of(documents)
    assert (whole.hashes == cut.hashes).all() and (whole.ends == cut.ends).all()
    by_blocks = runs(cut, 13)[0]
    monkeypatch.undo()
    assert (by_blocks == runs(whole, 13)[0]).all()


# UTF-8 and mojibake


@given(st.lists(st.one_of(st.binary(max_size=6), st.sampled_from([b"a", b"\xe2\x82", b"\x1a"]))))
def test_invalid_sequences_are_counted_and_placed_as_python_replaces_them(
    parts: list[bytes],
) -> None:
    text = b"".join(parts)
    mended, places = mend(text)
    assert len(mended) == len(text)
    mended.decode()
    replaced = text.decode(errors="replace").count("\ufffd") - text.count(b"\xef\xbf\xbd")
    assert len(places) == replaced
    for place in places.tolist():  # what is before it is whole
        with pytest.raises(UnicodeDecodeError) as error:
            mended_before = mended[:place] + text[place:]
            mended_before.decode()
        assert error.value.start == place


def test_invalid_bytes_are_found_in_file_document_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n<|endoftext|>\n<|endoftext|>\ntw\xffo\xe2\x82\n<|endoftext|>\nthree")
    found = check_files([str(path)]).source
    assert (found.documents, found.invalid_sequences, found.empty) == (3, 2, 1)
    assert found.invalid.documents == 1
    (example,) = found.invalid.examples
    assert not isinstance(example, Match)
    begin = path.read_bytes().index(b"tw")
    assert (example.file, example.document, example.byte) == (str(path), 1, begin)
    assert example.excerpt == "tw\ufffdo\ufffd"
    assert found.characters == 3 + 5 + 5 and found.bytes == 3 + 6 + 5


def test_a_character_cut_between_two_documents_is_invalid_in_both() -> None:
    data = np.frombuffer("é".encode(), np.uint8)
    batch = TextBatch(data, np.array([0, 1]), np.array([1, 2]))
    found = check_text([batch]).source
    assert (found.invalid_sequences, found.invalid.documents) == (2, 2)


def plain_ftfy(documents: list[str]) -> list[int]:
    """Documents with a line that ftfy changes, without any screen."""
    return [
        i
        for i, document in enumerate(documents)
        if any(fix_encoding(line) != line for line in document.split("\n"))
    ]


CODE_PAGES = ("latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1257", "mac_roman", "cp437")
PHRASES = (
    "“Yes,” l’été à Noël – naïve? Ærøskøbing… Привет, мир! Ελλάδα žluťoučký kůň £5 ½ × 🍓 世界"
)


@given(
    st.lists(st.sampled_from(PHRASES.split(" ")), min_size=1, max_size=8),
    st.sampled_from(CODE_PAGES),
    st.booleans(),
)
def test_the_screen_before_ftfy_loses_nothing_of_broken_text(
    phrases: list[str], code_page: str, twice: bool
) -> None:
    text = " ".join(phrases)
    for _ in range(1 + twice):
        text = text.encode().decode(code_page, errors="replace")
    documents = ["plain", f"first line\n{text}\nlast", " ".join(phrases)]
    joined, ends = join_documents(TextBatch.from_strings(documents))
    found = np.searchsorted(ends, find_mojibake(joined, ends)).tolist()
    assert found == plain_ftfy(documents)


ODD = "".join(map(chr, [*range(0x80, 0x100), *range(0x152, 0x154), *range(0x2010, 0x2040)]))
ODD += "aZ .\x1a\ufffd\uf8ffﬁАВГРСђβΓ€™œŒÂÃ░│√≈∂"


@settings(max_examples=400)
@given(st.text(ODD, min_size=1, max_size=12))
def test_what_is_no_suspect_is_not_bad_for_ftfy(text: str) -> None:
    if not len(suspects(np.frombuffer(text.encode("utf-32-le"), np.uint32))):
        assert not is_bad(text)


@pytest.mark.parametrize("text", ["œ ", "Œ.", "a Â ", "Ã ", "\x85", "aÃ", "“é"])
def test_what_ftfy_takes_for_bad_with_one_odd_character_is_a_suspect(text: str) -> None:
    found = suspects(np.frombuffer(text.encode("utf-32-le"), np.uint32))
    assert bool(len(found)) == is_bad(text) or text == "“é"
    assert len(found) or text == "aÃ"


def test_every_character_of_ftfys_heuristic_is_known_to_the_screen() -> None:
    """Two neighbours out of all characters that it ever names are suspects."""
    pattern = re.compile(r"[^\x00-\x7f]")
    from ftfy.badness import BADNESS_RE

    named = set(pattern.findall(BADNESS_RE.pattern))
    ranges = re.findall(r"([^\x00-\x7f])-([^\x00-\x7f])", BADNESS_RE.pattern)
    named |= {chr(c) for first, last in ranges for c in range(ord(first), ord(last) + 1)}
    assert len(named) > 300
    for character in named:
        pair = np.frombuffer((character * 2).encode("utf-32-le"), np.uint32)
        assert len(suspects(pair)), hex(ord(character))


def test_ftfy_finds_the_same_in_real_text_without_the_screen(data: Path) -> None:
    folder = data / "multilingual"
    paths = [data / "tinystories" / "tinystories_v1_validhead_noboundary.txt"]
    paths += [folder / "libreoffice_help_hi.txt", folder / "unicode_mix.txt"]
    n_bad = 0
    for path in paths:
        lines = [line for line in path.read_text().splitlines() if not line.isascii()]
        bad = {line for line in lines if is_bad(line)}
        codes = {line: np.frombuffer(line.encode("utf-32-le"), np.uint32) for line in bad}
        assert all(len(suspects(codes[line])) for line in bad)
        n_bad += len(bad)
    assert n_bad > 20


def test_what_mojibake_was_meant_to_be_is_shown() -> None:
    text = "First.\nHe said: “No…”"
    found = check_text(["fine “too”", text.encode().decode("cp1252", errors="replace")]).source
    assert found.mojibake.documents == 1
    (example,) = found.mojibake.examples
    assert not isinstance(example, Match)
    assert example.document == 1 and example.byte == len("First.\n")
    assert example.meant and example.meant.startswith("He said: “No…")


# Duplicates and leakage


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """A source and a held-out text with planted copies, changed copies, and quotations."""
    rng = draw(st.randoms(use_true_random=False))
    source = [random_document(rng, rng.randrange(1, 80)) for _ in range(draw(st.integers(1, 8)))]
    held_out = [random_document(rng, rng.randrange(1, 80)) for _ in range(draw(st.integers(1, 6)))]
    for _ in range(draw(st.integers(0, 5))):
        into = draw(st.sampled_from([source, held_out]))
        document = list(rng.choice(source))
        for _ in range(draw(st.integers(0, 4))):
            document[rng.randrange(len(document))] = "changed"
        into.append(document)
    for _ in range(draw(st.integers(0, 3))):
        quoted = rng.choice(source)
        start = rng.randrange(len(quoted))
        quotation = quoted[start : start + draw(st.integers(11, 15))]
        held_out.append([*random_document(rng, 30), *quotation, *random_document(rng, 30)])
    rng.shuffle(source)
    marks = [", ", " ", "\n", " — "]
    return (
        [rng.choice(marks).join(document) for document in source],
        [rng.choice(marks).join(map(str.upper, document)) for document in held_out],
    )


@settings(max_examples=60)
@given(corpora())
def test_what_was_planted_is_found_and_nothing_else(found_in: tuple[list[str], list[str]]) -> None:
    source, held_out = found_in
    report = check_text(source, held_out, n_examples=100)
    same_as_brute_force(report, source, held_out)


def same_as_brute_force(report: CheckReport, source: list[str], held_out: list[str]) -> None:
    assert report.against and report.leakage
    for documents, corpus in ((source, report.source), (held_out, report.against)):
        exact = [i for i, text in enumerate(documents) if text in documents[:i]]
        firsts = [i for i in range(len(documents)) if i not in exact]
        pairs = [(a, b) for a, b in combinations(firsts, 2)
                 if slow_jaccard(documents[a], documents[b]) >= 0.8]  # fmt: skip
        near = {b for _, b in pairs}
        assert corpus.documents == len(documents)
        assert corpus.exact_duplicates.documents == len(exact)
        assert {match.document.document for match in examples(corpus.near_duplicates)} == near
        for match in examples(corpus.near_duplicates):
            one, other = match.document.document, match.partner.document
            assert match.similarity == slow_jaccard(documents[one], documents[other]) >= 0.8
    leakage = report.leakage
    exact = [i for i, text in enumerate(held_out) if text in source]
    near = {i for i, text in enumerate(held_out)
            if i not in exact and any(slow_jaccard(text, s) >= 0.8 for s in source)}  # fmt: skip
    there = {run for text in source for run in slow_runs(text, 13)}
    shared = [sum(run in there for run in slow_runs(text, 13)) for text in held_out]
    overlap = {i for i, n in enumerate(shared) if n}
    assert leakage.exact.documents == len(exact)
    assert {match.document.document for match in examples(leakage.near)} == near
    assert {match.document.document for match in examples(leakage.overlap)} == overlap
    assert leakage.documents == len({*exact, *near, *overlap})
    assert leakage.share == leakage.documents / len(held_out)
    assert leakage.ngrams == sum(len(slow_runs(text, 13)) for text in held_out)
    assert leakage.ngrams_shared == sum(shared)
    halves = [2 * n >= len(slow_runs(text, 13)) and n > 0
              for n, text in zip(shared, held_out, strict=True)]  # fmt: skip
    assert leakage.half_shared == sum(halves)
    for match in examples(leakage.overlap):
        one = slow_words(held_out[match.document.document])
        other = slow_words(source[match.partner.document])
        assert match.words and match.words >= 13
        n = match.words
        together = {tuple(one[i : i + n]) for i in range(len(one) - n + 1)}
        assert together & {tuple(other[i : i + n]) for i in range(len(other) - n + 1)}


def test_near_duplicates_of_real_stories_are_not_missed(data: Path) -> None:
    """1,500 stories and their copies with one to five words changed: none is lost of those whose
    similarity is 0.8 or more, where up to three in a thousand may be, at 0.8."""
    rng = random.Random(1)
    text = (data / "tinystories" / "tinystories_train.txt").read_text()
    stories = [piece.strip("\n") for piece in text.split(END)[:1500]]
    copies = []
    for each in stories:
        parts = each.split(" ")
        for _ in range(rng.randrange(1, 6)):
            parts[rng.randrange(len(parts))] = f"changed{rng.randrange(9)}"
        copies.append(" ".join(parts))
    sets = [set(s.tolist()) for s in shingle_sets(TextBatch.from_strings(stories + copies))]
    similar = [len(a & b) / len(a | b) for a, b in zip(sets, sets[1500:], strict=False)]
    expected = sum(similarity >= 0.8 for similarity in similar)
    found = check_text(stories + copies).source.near_duplicates
    assert expected > 500
    assert expected - found.documents <= expected * 0.003


def test_the_most_similar_document_is_shown() -> None:
    rng = random.Random(3)
    words_ = random_document(rng, 60)
    far, near = [*words_[:55], *random_document(rng, 5)], [*words_[:59], "other"]
    held_out = " ".join(words_)
    for source in ([far, near], [near, far]):
        texts = [" ".join(document) for document in source]
        found = check_text(texts, [held_out]).leakage
        assert found
        (match,) = examples(found.near)
        assert match.partner.document == source.index(near)
        assert match.similarity == slow_jaccard(held_out, texts[source.index(near)])


def test_half_of_the_runs_is_half() -> None:
    rng = random.Random(4)
    shared = random_document(rng, 14)  # two runs of 13 words
    held_out = [[*shared, *random_document(rng, n)] for n in (2, 3)]  # of four, and of five
    found = check_text([" ".join(shared)], [" ".join(each) for each in held_out]).leakage
    assert found and (found.overlap.documents, found.half_shared) == (2, 1)
    assert (found.ngrams_shared, found.ngrams) == (4, 9)


def test_shingles_that_do_not_fit_are_compared_in_further_readings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    documents = [story(1, i) for i in range(30)]
    documents += [document + " The end." for document in documents]
    once = check_text(documents, documents[::3], n_examples=99)
    assert once.source.near_duplicates.documents > 20
    monkeypatch.setattr(duplicates, "HELD_BYTES", 2000)
    assert check_text(documents, documents[::3], n_examples=99) == once


def test_the_report_does_not_depend_on_pieces_and_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [story(i % 2, i // 4) for i in range(200)]
    path = tmp_path / "a.txt"
    path.write_text(f"\n{END}\n".join(documents))
    whole = check_files([str(path)], [str(path)])
    monkeypatch.setattr("cygnet.text.blocks.BATCH_BYTES", 1000)
    assert len(list(SourceCorpus([str(path)], Reading(END)).pieces())) > 20
    monkeypatch.setattr("cygnet.text.check.checking.available_threads", lambda: 3)
    assert check_files([str(path)], [str(path)]) == whole
    assert whole.leakage and whole.leakage.documents == 200


def test_chinese_is_compared_by_characters() -> None:
    text = "人人生而自由在尊严和权利上一律平等他们赋有理性和良心并应以兄弟关系的精神相对待"
    found = check_text(["前言" + text[:14] + "完", "不同"], [text, "其他的文字"])
    assert found.leakage and found.leakage.overlap.documents == 1
    (match,) = examples(found.leakage.overlap)
    assert match.words == 14
    assert match.document.excerpt.startswith("人人生而自由")
    assert match.partner.byte == len("前言".encode())


def test_places_lead_to_the_text_in_the_file(tmp_path: Path) -> None:
    shared = " ".join(random_document(random.Random(5), 20))
    for name, before in (("train", "Äh, alone. "), ("valid", "Öl! ")):
        text = f"first\n{END}\n{END}\n{before}{shared}. {name}\n"
        (tmp_path / f"{name}.txt").write_text(text)
    found = check_files([str(tmp_path / "train.txt")], [str(tmp_path / "valid.txt")])
    assert found.leakage
    (match,) = (m for m in examples(found.leakage.overlap) if m.words == 20)
    for place in (match.document, match.partner):
        assert place.document == 1
        assert Path(place.file).read_bytes()[place.byte :].startswith(shared.encode())


def test_lengths_and_blank_documents() -> None:
    found = check_text(["a" * 100_001, " \u3000\n", "é", "", "b" * 100_000]).source
    assert (found.documents, found.empty, found.blank.documents) == (4, 1, 1)
    assert found.very_long.documents == 1 and found.longest_bytes == 100_001
    assert found.median_bytes == 5 and found.characters == 200_001 + 3 + 1


# The command


def test_table_and_json_say_the_same(tmp_path: Path) -> None:
    train, valid = tmp_path / "train.txt", tmp_path / "valid.txt"
    documents = [story(1, i) for i in range(20)]
    train.write_text(f"\n{END}\n".join([*documents, documents[0], "a\x07b \u202e [red]c[/red]"]))
    valid.write_text(f"\n{END}\n".join([documents[3], story(2, 1)]))
    shown = cygnet("text", "check", train, "--against", valid)
    assert shown.returncode == 0, shown.stderr
    assert "leaked: exact duplicates" in shown.stdout and "\x07" not in shown.stdout
    found = json.loads(cygnet("text", "check", train, "--against", valid, "--json").stdout)
    assert found == json.loads(json.dumps(check_files([str(train)], [str(valid)]).to_dict()))
    assert found["source"]["exact_duplicates"]["documents"] == 1
    assert found["leakage"]["exact"]["documents"] == 1


def test_control_characters_and_markup_are_shown_as_they_are() -> None:
    text = "[bold]x[/bold]\x1b[31m\x00 same \u202ewords"
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_report(check_text([text, text]), console)
    shown = console.export_text()
    assert "[bold]x[/bold]\\x1b[31m\\x00 same \\u202ewords" in shown
    console.file.close()


def test_what_cannot_be_checked_is_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text(f"\n{END}\n")
    full = tmp_path / "full.txt"
    full.write_text("Once")
    assert "name a text" in refused(cygnet("text", "check"))
    assert "does not exist" in refused(cygnet("text", "check", tmp_path / "no.txt"))
    assert "no document" in refused(cygnet("text", "check", empty))
    message = refused(cygnet("text", "check", full, "--against", empty))
    assert str(empty) in message and "no document" in message
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "holds no .txt" in refused(cygnet("text", "check", full, "--against", folder))


def test_bytes_that_are_no_text_at_all_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "noise.txt"
    path.write_bytes(gzip.compress(random.Random(1).randbytes(50_000)))
    found = check_files([str(path)], [str(path)])
    assert found.source.invalid_sequences > 10_000
    assert found.leakage and found.leakage.exact.documents == 1


def test_text_that_can_be_read_once_only_is_refused() -> None:
    def documents() -> Iterator[str]:
        yield "Once"

    with pytest.raises(InputError, match="read more than once"):
        check_text(documents())


def test_text_that_shrinks_while_it_is_checked_is_refused() -> None:
    class Shrinking(MemoryCorpus):
        n_readings = 0

        def pieces(self) -> Iterator[Piece]:
            self.n_readings += 1
            return super().pieces() if self.n_readings == 1 else iter(())

    with pytest.raises(InputError, match="has changed"):
        check_text(Shrinking(["Once", "Once"]))


@pytest.mark.parametrize("library", ["ftfy", "rensa"])
def test_a_missing_library_is_named_with_the_extra(library: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Once")
    code = (
        f"import sys; sys.modules['{library}'] = None; from cygnet.cli import main;"
        " sys.exit(main(['text', 'check', 'a.txt']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert refused(result) == f"cygnet: this needs {library}: pip install 'cygnet[check]'"
