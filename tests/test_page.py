"""The page in a real browser: what it shows, what one can do there, and what it must not do."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.xray.page import STYLE, trace_html
from cygnet.xray.serve.subject import Subject
from cygnet.xray.tracing import trace, trace_generation
from serving import Served, gated, serving, wait_until
from small_models import CONFIGS, new_model

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
SCRIPT = "<script>alert(1)</script>"
PROMPT = f"a{SCRIPT}b"
PHONE = {"width": 360, "height": 700}
FRAME = 110
"""Milliseconds that the film of dead rows shows a snapshot."""

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A model whose tokens and name would run if they were read as HTML."""
    folder = tmp_path_factory.mktemp("models") / "<img src=x onerror=alert(1)>"
    characters = SCRIPT.encode()
    merges = [(254 + i if i > 1 else characters[0], characters[i]) for i in range(1, len(SCRIPT))]
    specials = ["<|endoftext|>", "<b onclick=alert(2)>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(merges, "[^~]+|~+", special_tokens=specials, n_dead=2)
    config = copy.deepcopy(CONFIGS["gpt2"])
    config.vocab_size, config.n_positions = tokenizer.vocab_size, 96
    config.bos_token_id = config.eos_token_id = tokenizer.boundary_id
    model = new_model(config)
    model.save_pretrained(folder)
    tokenizer.save(folder)
    with serving(Subject(folder, model, tokenizer)) as found:
        yield found


@pytest.fixture(scope="module")
def recorded(recorded_run: Path) -> Iterator[Served]:
    with serving(Subject.load(recorded_run)) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test if it complains, runs what it should show, or asks elsewhere."""
    found = browser.new_page(viewport={"width": 1100, "height": 800})
    found.set_default_timeout(20_000)
    complaints: list[str] = []
    hosts: set[str] = set()
    found.on("console", lambda message: complaints.append(message.text))
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("dialog", lambda dialog: complaints.append(f"ran {dialog.message}"))
    found.on("request", lambda request: hosts.add(re.sub(r":\d+/.*", "", request.url)))
    yield found
    found.close()
    refusals = "the server responded with a status of 4"  # Chromium notes those by itself
    assert [one for one in complaints if refusals not in one and "net::ERR" not in one] == []
    assert hosts == {"http://127.0.0.1"}


def opened(page: Page, served: Served, tab: str = "text") -> Page:
    page.goto(f"{served.address}/#{tab}")
    expect(page.locator(f"#panel-{tab}")).to_be_visible()
    return page


def write_in(page: Page, text: str) -> None:
    """Put a text into the box, and wait until its figures are there."""

    def is_its(answer: Response) -> bool:
        asked = answer.request.post_data_json
        return answer.url.endswith("/api/trace") and asked["text"] == text

    with page.expect_response(is_its):
        page.fill("#box", text)
    expect(page.locator("#totals")).not_to_be_empty()
    wait_until(lambda: "".join(page.locator("#tokens .clean").all_text_contents()) == text)


def texts(page: Page) -> list[str]:
    return page.locator("#tokens .token .marked").all_inner_texts()


def limit(page: Page, n_tokens: int) -> None:
    page.fill("#max_tokens", str(n_tokens))


def seen(tokens: Any) -> list[str]:
    return [token.text for token in tokens]


def test_a_text_is_shown_with_its_figures(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    text = "one \n\té🦢 <i>‮x\x00"
    write_in(page, text)
    found = trace(hostile.subject.model, hostile.subject.tokenizer, text)
    assert texts(page) == seen(found.tokens)
    expect(page.locator("#totals")).to_have_text(
        f"{len(found.tokens)} tokens, {found.n_bytes} bytes, {found.bits:.1f} bits,"
        f" {found.bits_per_byte:.3f} bits per byte"
    )
    worst = found.most_surprising(5)
    assert [int(line.rpartition(" ")[2]) for line in page.locator("#surprises li").all_inner_texts()
            ] == worst  # fmt: skip
    page.locator("#tokens .token").nth(worst[0]).hover()
    expect(page.locator("#inspector")).to_contain_text(
        f"{found.tokens[worst[0]].surprise:.2f} bits"
    )
    page.uncheck("#raw")
    expect(page.locator("#tokens .token").first.locator(".clean")).to_be_visible()
    assert "".join(page.locator("#tokens .clean").all_text_contents()) == text
    page.check("#bits")
    expect(page.locator("#tokens .under").first).to_be_visible()


def test_what_is_no_html_is_not_read_as_html(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    expect(page.locator("#name")).to_have_text("<img src=x onerror=alert(1)>")
    assert page.title() == "<img src=x onerror=alert(1)>: cygnet"
    page.check("#special")
    write_in(page, f"{PROMPT}<b onclick=alert(2)>")
    assert texts(page) == ["a", SCRIPT, "b", "<b·onclick=alert(2)>"]
    for i in range(4):
        page.locator("#tokens .token").nth(i).click()
        page.keyboard.press("Escape")
    limit(page, 2)
    script = hostile.subject.tokenizer.encode(SCRIPT)
    page.route("**/api/write", lambda route: route.continue_(
        post_data=route.request.post_data_json | {"force": script[0]}))  # fmt: skip
    page.click("#write")
    expect(page.locator("#tokens .token").nth(4)).to_have_text(re.compile(r"<script>alert\(1\)"))
    for tab in ("tokens", "attention", "rows"):
        page.click(f"#tab-{tab}")
        expect(page.locator(f"#panel-{tab} table td").first).to_be_visible()
    page.fill("#row-token", SCRIPT)
    page.keyboard.press("Enter")
    expect(page.locator("#row-facts h2").first).to_contain_text(SCRIPT)
    assert page.locator("main script, main img, main b, main i").count() == 0


def test_the_model_writes_as_one_watches(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "ab")
    limit(page, 30)
    page.fill("#seed", "5")
    with gated() as gate:
        page.click("#write")
        for n_written in (1, 2, 3):
            gate.let(1)
            expect(page.locator("#tokens .token")).to_have_count(2 + n_written)
    expect(page.locator("#pause")).to_be_disabled()
    subject = hostile.subject
    whole = trace_generation(subject.model, subject.tokenizer, "ab", max_tokens=30, seed=5)
    assert texts(page)[: len(whole.tokens)] == seen(whole.tokens)
    shown = texts(page)
    page.click("#back")
    page.click("#back")
    expect(page.locator("#tokens .token")).to_have_count(len(shown) - 2)
    page.click("#step")  # the same token again
    expect(page.locator("#tokens .token")).to_have_count(len(shown) - 1)
    assert texts(page) == shown[:-1]


def test_tokens_that_stay_keep_their_elements(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "ab" * 100)
    limit(page, 2)
    page.fill("#temperature", "0")  # ends no document
    page.locator("#tokens .token").nth(1).click()
    page.evaluate(
        """() => {
          const items = document.querySelectorAll("#tokens .token");
          for (const item of items) item.isOld = true;
          getSelection().setBaseAndExtent(items[0], 0, items[2], 0);
          window.nMade = 0;
          new MutationObserver(all => all.forEach(one => { nMade += one.addedNodes.length }))
            .observe(document.getElementById("tokens"), {childList: true, subtree: true});
        }"""
    )
    selected = page.evaluate("getSelection().toString()")
    assert selected == "ab"
    for n_tokens, act in ((202, "#write"), (201, "#back"), (202, "#step")):
        page.locator(act).evaluate("button => button.click()")
        expect(page.locator("#tokens .token")).to_have_count(n_tokens)
    olds = "all => all.filter(item => item.isOld).length"
    assert page.locator("#tokens .token").evaluate_all(olds) == 200
    assert page.evaluate("nMade") < 30, "three tokens, each with its parts"
    assert page.evaluate("getSelection().toString()") == selected
    expect(page.locator("#tokens .token.pinned")).to_have_count(1)
    expect(page.locator("#inspector")).to_contain_text("token 1, given")
    write_in(page, "ab" * 99 + "bc")  # figures of the last two differ
    assert page.locator("#tokens .token").evaluate_all(olds) == 200
    expect(page.locator("#tokens .token.pinned .marked")).to_have_text("b")
    write_in(page, "bb")
    expect(page.locator("#tokens .token.pinned")).to_have_count(1)
    write_in(page, "ba")
    expect(page.locator("#tokens .token.pinned")).to_have_count(0)  # it is another token


def test_a_token_that_comes_behind_a_long_text_is_seen(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    page.set_viewport_size({"width": 1000, "height": 500})
    write_in(page, "ab" * 200)
    last = page.locator("#tokens .token").last
    expect(last).not_to_be_in_viewport()
    page.fill("#temperature", "0")
    limit(page, 100)  # several lines
    page.click("#write")
    expect(page.locator("#tokens .token")).to_have_count(500)
    expect(last).to_be_in_viewport()
    expect(page.locator("#pause")).to_be_in_viewport()


def test_typing_on_gives_up_the_text_of_before(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "ab")
    with gated() as gate:
        page.fill("#box", "ab" * 1500)
        gate.let(2)
        wait_until(lambda: len(gate.passed) == 2)
        page.fill("#box", "ba")
        wait_until(lambda: hostile.writer.n_active == 0)
        gate.let(2)  # the part that had begun, and that of the new text
        wait_until(lambda: texts(page) == ["b", "a"])
    assert len(gate.passed) <= 4, "of the old text no part but the one that had begun"


def test_a_text_is_written_on_from_before_its_figures_are_there(
    page: Page, hostile: Served
) -> None:
    page.clock.install()
    opened(page, hostile)
    write_in(page, "ab")
    page.clock.pause_at(page.evaluate("Date.now()") + 600_000)  # nobody looks at the text by itself
    text = "abc" * 50
    page.fill("#box", text)
    limit(page, 2)
    page.fill("#temperature", "0")
    page.click("#write")
    expect(page.locator("#tokens .token")).to_have_count(152)
    expect(page.locator("#pause")).to_be_disabled()
    found = trace(hostile.subject.model, hostile.subject.tokenizer, text)
    shown = page.locator("#tokens .under").all_text_contents()
    assert [float(one) for one in shown[:150]] == pytest.approx(
        [token.surprise for token in found.tokens], abs=0.51
    )


def test_plain_text_runs_in_its_own_direction(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "\u05e9\u05dc\u05d5\u05dd\nab")
    page.uncheck("#raw")
    places = page.locator("#tokens .clean").evaluate_all(
        "all => all.filter(one => one.textContent.trim()).map(one => one.getBoundingClientRect().x)"
    )
    assert places[:4] == sorted(places[:4], reverse=True), "Hebrew, from right to left"
    assert places[4] < places[5] < places[3]


def test_an_alternative_is_chosen_and_written_on_from_with_keys_alone(
    page: Page, hostile: Served
) -> None:
    opened(page, hostile)
    write_in(page, "abc")
    limit(page, 4)
    found = trace(hostile.subject.model, hostile.subject.tokenizer, "abc", n_alternatives=10)
    place = page.locator("#tokens .token").first
    for _ in range(40):  # as far as the tab key has to be pressed
        if place.evaluate("item => item === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    other = found.tokens[1].alternatives[2]
    expect(page.locator("#inspector .other").nth(2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#tokens .token.forced")).to_have_count(1)
    expect(page.locator("#pause")).to_be_disabled()
    assert texts(page)[:2] == ["a", other.text]
    assert len(texts(page)) <= 5
    expect(page.locator("#box")).to_have_value("abc")  # what was typed stays
    expect(page.locator("#tokens .token.forced")).to_be_focused()  # keys go on from here


def test_pause_and_a_closed_page_stop_the_model(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "ab")
    page.fill("#temperature", "0")  # ends no document
    for end in (lambda: page.click("#pause"), lambda: page.goto("about:blank")):
        before, n_shown = hostile.writer.n_steps, page.locator("#tokens .token").count()
        with gated() as gate:
            page.click("#write")
            gate.let(5)
            expect(page.locator("#tokens .token")).to_have_count(n_shown + 5)
            end()
            wait_until(lambda: hostile.writer.n_active == 0)
        assert hostile.writer.n_steps <= before + 6, "but for the one that had begun"


def test_settings_that_change_hold_from_the_next_token_on(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "ab")
    limit(page, 50)
    page.fill("#temperature", "0")  # ends no document
    with gated() as gate:
        page.click("#write")
        gate.let(4)
        expect(page.locator("#tokens .token")).to_have_count(6)
        with page.expect_request("**/api/write") as asked:
            page.fill("#seed", "7")
            page.press("#seed", "Tab")
        order = asked.value.post_data_json
        assert order["seed"] == 7
        assert len(order["written"]) == 4
        assert order["max_tokens"] == 46
        gate.let(30)  # some of them may go to what had begun
        expect(page.locator("#tokens .token").nth(9)).to_be_visible()
        page.click("#pause")
        wait_until(lambda: hostile.writer.n_active == 0)
    n_steps = hostile.writer.n_steps
    page.fill("#seed", "8")
    page.press("#seed", "Tab")  # nothing is written, so nothing begins
    page.wait_for_timeout(100)
    assert hostile.writer.n_steps == n_steps


def test_other_tabs_do_not_cut_the_name_of_a_special_token(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "ab")
    subject = hostile.subject
    [token] = trace(subject.model, subject.tokenizer, "<|endoftext|>", special=True).tokens
    lines = [{"token": token.to_dict()}, {"end": "boundary"}]
    body = "".join(json.dumps(line) + "\n" for line in lines)
    page.route("**/api/write", lambda route: route.fulfill(body=body))
    page.click("#step")
    expect(page.locator("#tokens .token.special")).to_have_count(1)
    page.click("#tab-tokens")
    expect(page.locator("#split .token .marked")).to_have_text(["a", "b"])


def test_special_tokens_alone_have_no_figure_for_each_byte(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    page.check("#special")
    write_in(page, "<|endoftext|>")
    expect(page.locator("#totals")).to_have_text(re.compile(r"^1 tokens, 0 bytes, [\d.]+ bits$"))
    page.click("#tab-tokens")
    expect(page.locator("#split-totals")).to_have_text("1 tokens, 0 bytes")
    page.fill("#box", "ab<|endoftext|>")
    expect(page.locator("#split-totals")).to_have_text("3 tokens, 2 bytes, 1.00 bytes per token")


def test_who_speaks_stands_beside_each_token(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    page.check("#special")
    page.fill("#box", "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n")
    page.click("#tab-tokens")
    cells = page.locator("#split-table tbody tr")
    expect(cells).to_have_count(25)
    said = [row.split("\t")[-2:] for row in cells.all_inner_texts()]
    assert said == (
        [["user", "does not count"]] * 10
        + [["assistant", "does not count"]] * 11
        + [["assistant", "counts"]] * 3
        + [["assistant", "does not count"]]
    )
    expect(page.locator("#split .token:not(.uncounted)")).to_have_count(3)


def test_a_row_is_shown_though_the_picture_of_all_has_failed(page: Page, recorded: Served) -> None:
    page.route("**/api/rows", lambda route: route.abort())
    opened(page, recorded, "rows")
    expect(page.locator("#message")).to_contain_text("the server does not answer")
    page.unroute("**/api/rows")
    page.fill("#row-token", "300")
    page.click("#rows-form button")
    expect(page.locator("#row-facts h2").first).to_contain_text("id 300")


def test_no_token_of_a_fragment_is_broken_between_two_lines(
    browser: Browser, hostile: Served
) -> None:
    subject = hostile.subject
    tokens = trace(subject.model, subject.tokenizer, f"ab{SCRIPT}" * 5)
    page = browser.new_page(viewport={"width": 300, "height": 300})
    page.set_content(f"<style>{STYLE}</style>{trace_html(tokens)}")
    boxes = "all => all.map(one => one.getClientRects().length)"
    assert set(page.locator(".cygnet-token").evaluate_all(boxes)) == {1}
    page.close()


def test_an_error_is_a_line_and_the_text_survives(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    long = "ab" * 2_500
    page.fill("#box", long)
    expect(page.locator("#message")).to_contain_text("5,000 tokens are too many")
    page.fill("#max_tokens", "1000000000")
    page.fill("#box", "ab")
    expect(page.locator("#message")).to_have_text("")
    page.click("#write")
    expect(page.locator("#message")).to_contain_text("max_tokens must be a whole number from 1")
    assert texts(page) == ["a", "b"]
    page.route("**/api/*", lambda route: route.abort())  # the server has gone
    page.click("#step")
    expect(page.locator("#message")).to_contain_text("the server does not answer")
    expect(page.locator("#box")).to_have_value("ab")


def test_every_tab_of_a_run_shows_what_there_is(page: Page, recorded: Served) -> None:
    opened(page, recorded)
    page.locator("#tab-text").focus()
    shown = {
        "tokens": "#split-table td",
        "attention": "#heads td",
        "rows": "#row-facts td",
        "dead": "#dead-table td",
        "runs": "#runs-chart svg.chart path",
    }
    for tab, place in shown.items():
        page.keyboard.press("ArrowRight")
        expect(page.locator(f"#tab-{tab}")).to_be_focused()
        expect(page.locator(place).first).to_be_visible()
        expect(page.locator("#message")).not_to_have_class("error")
    page.keyboard.press("Home")
    expect(page.locator("#panel-text")).to_be_visible()


def test_attention_is_that_of_the_library(page: Page, recorded: Served) -> None:
    from cygnet.xray.attention.reading import attention

    opened(page, recorded, "attention")
    page.fill("#box", "Once upon a time")
    found = attention(recorded.subject.model, recorded.subject.tokenizer, "Once upon a time")
    expect(page.locator("#seen .token")).to_have_count(len(found.tokens))
    page.select_option("#layer", "1")
    page.select_option("#head", "0")
    page.locator("#seen .token").nth(2).click()
    most, weight = found.looks_at(1, layer=1, head=0)[0]
    expect(page.locator("#looks")).to_contain_text(
        re.compile(rf"^1 .* looks at {re.escape(found.texts[found.row(most)])} {100 * weight:.0f}%")
    )


def test_the_film_of_dead_rows_plays_and_stops(page: Page, recorded: Served) -> None:
    page.clock.install()  # time goes on as far as it is told to
    opened(page, recorded, "dead")
    expect(page.locator("#dead-table td").first).to_be_visible()
    expect(page.locator("#film-step")).to_have_text("step 60")
    page.clock.pause_at(page.evaluate("Date.now()") + 600_000)
    page.click("#film-play")
    expect(page.locator("#film-play")).to_have_text("Pause")
    page.clock.run_for(FRAME)
    expect(page.locator("#film-step")).to_have_text("step 15")
    page.clock.run_for(10 * FRAME)
    expect(page.locator("#film-step")).to_have_text("step 60")
    expect(page.locator("#film-play")).to_have_text("Play")
    page.locator("#film-at").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#film-step")).to_have_text("step 45")


def test_nothing_is_wider_than_a_phone(page: Page, recorded: Served) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    opened(page, recorded)
    expect(page.locator("#tokens .token").first).to_be_in_viewport()
    page.fill("#box", "supercalifragilistic " * 8 + "\U0001f9a2" * 60)
    page.check("#bits")
    page.click("#step")
    tabs = page.locator("#tabs")
    assert tabs.evaluate("all => all.scrollWidth <= all.clientWidth")  # none of them is hidden
    for tab in ("text", "tokens", "attention", "rows", "dead", "runs"):
        page.click(f"#tab-{tab}")
        expect(page.locator(f"#panel-{tab}")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], tab


def test_tokenizers_stand_side_by_side_stretch_by_stretch(
    page: Page, recorded_run: Path, tmp_path: Path
) -> None:
    from cygnet.xray.tokens.comparison import compare_tokens

    Tokenizer([]).save(tmp_path / "<i>bytes")
    with serving(Subject.load(recorded_run, tokenizers=(tmp_path / "<i>bytes",))) as served:
        opened(page, served, "tokens")
        text = "The lake.\n\nA \u05e9\U0001f9a2 <b>"
        with page.expect_response(lambda one: text in one.request.post_data_json["text"]):
            page.fill("#box", text)
        found = compare_tokens(served.subject.tokenizers, text)
        rows = [[name, str(len(one.tokens))] for name, one in found.traces.items()]
        cells = page.locator("#side-table tbody tr")
        expect(cells.nth(1).locator("td").nth(1)).to_have_text(str(len(text.encode())))
        assert [row.split("\t")[:2] for row in cells.all_inner_texts()] == rows
        assert rows[1][0] == "<i>bytes"
        for number, name in enumerate(found.traces):
            row = page.locator(f"#side-text tr:not(.marks):nth-child({number + 1})")
            assert row.locator(".token").all_inner_texts() == seen(found.traces[name].tokens)
        n_places = len(found.disagreements)
        assert n_places
        expect(page.locator("#side-text .marks [role=img]")).to_have_count(n_places)
        expect(page.locator("#side-text tr:first-child .differs")).to_have_count(n_places)
        expect(page.locator("#side-words")).to_contain_text(f"They differ in {n_places} place")


def test_a_page_with_one_tokenizer_compares_none(page: Page, hostile: Served) -> None:
    opened(page, hostile, "tokens")
    expect(page.locator("#split-table td").first).to_be_visible()
    expect(page.locator("#side")).to_be_hidden()


def test_a_token_says_all_its_figures(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    token = {
        **trace(hostile.subject.model, hostile.subject.tokenizer, "a").tokens[0].to_dict(),
        **{"probability": 2.9e-6, "log_probability": -12.75, "surprise": 18.4},
    }
    token["alternatives"][0]["probability"] = 0.25
    token["alternatives"][1]["probability"] = 0.05
    body = json.dumps({"figures": [token]}) + '\n{"end": "length"}\n'
    page.route("**/api/trace", lambda route: route.fulfill(body=body))
    page.fill("#box", "a")
    expect(page.locator("#tokens .token")).to_have_count(1)
    page.locator("#tokens .token").click()
    figures = page.locator("#inspector dl")
    for words in ("probability3e-06", "log p-12.75 nats", "surprise18.40 bits"):
        expect(figures).to_contain_text(words)
    shares = "all => all.map(one => Number(one.style.getPropertyValue('--share')))"
    others = page.locator("#inspector .other")
    assert others.evaluate_all(shares)[:2] == [0.25, 0.05]
    expect(others.nth(1)).to_contain_text("5.0%")


def test_arrow_keys_go_through_the_alternatives(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "abc")
    page.locator("#tokens .token").nth(1).click()
    others = page.locator("#inspector .other")
    for key, place in (("ArrowDown", 1), ("End", 9), ("ArrowDown", 9), ("ArrowUp", 8), ("Home", 0)):
        page.keyboard.press(key)
        expect(others.nth(place)).to_be_focused()


def test_the_page_begins_with_the_sampling_of_the_recipe(page: Page, recorded: Served) -> None:
    from cygnet.xray.play.settings import options_of, sampling_of

    opened(page, recorded)
    sampling = sampling_of(options_of(recorded.subject.folder), {})
    assert sampling.temperature != 1 and sampling.top_p != 1
    expect(page.locator("#temperature")).to_have_value(f"{sampling.temperature:g}")
    expect(page.locator("#top_p")).to_have_value(f"{sampling.top_p:g}")
    expect(page.locator("#top_k")).to_have_value("")
    expect(page.locator("#seed")).to_have_value(str(sampling.seed))


def test_a_reload_keeps_text_and_settings(page: Page, hostile: Served) -> None:
    opened(page, hostile)
    write_in(page, "ab <b>")
    page.fill("#temperature", "0")
    page.check("#bits")
    limit(page, 3)
    page.click("#write")
    expect(page.locator("#tokens .token")).to_have_count(9)
    expect(page.locator("#pause")).to_be_disabled()
    shown = texts(page)
    page.reload()
    expect(page.locator("#tokens .token")).to_have_count(9)
    assert texts(page) == shown
    expect(page.locator("#box")).to_have_value("ab <b>")
    expect(page.locator("#temperature")).to_have_value("0")
    expect(page.locator("#tokens .under").first).to_be_visible()
    page.click("#back")
    expect(page.locator("#tokens .token")).to_have_count(8)
    write_in(page, "c")
    expect(page.locator("#tokens .token")).to_have_count(1)


def test_the_address_says_what_is_shown(page: Page, recorded: Served) -> None:
    opened(page, recorded)
    write_in(page, "Once upon a time")
    token = page.locator("#tokens .token").nth(2)
    text = token.locator(".marked").inner_text()
    token.click()
    page.click("#inspector a:has-text('its row')")
    expect(page.locator("#panel-rows")).to_be_visible()
    expect(page.locator("#row-facts h2").first).to_contain_text(text)
    page.go_back()
    expect(page.locator("#panel-text")).to_be_visible()
    page.click("#inspector a:has-text('its attention')")
    expect(page.locator("#looks")).to_have_text(re.compile(rf"^2 {re.escape(text)} looks at"))
    expect(page.locator("#seen .looking")).to_have_text(text)
    page.click("#tab-tokens")
    expect(page.locator("#panel-tokens")).to_be_visible()
    page.go_back()
    expect(page.locator("#panel-attention")).to_be_visible()
    expect(page.locator("#looks")).to_have_text(re.compile(r"^2 "))
    page.evaluate("location.hash = '#rows'")
    expect(page.locator("#tab-rows")).to_have_attribute("aria-selected", "true")


def test_rows_are_named_under_the_pointer_and_with_keys(page: Page, recorded: Served) -> None:
    opened(page, recorded, "rows")
    embedding = recorded.subject.embedding
    canvas = page.locator("#row-facts canvas[role=img]").first
    words = page.locator("#row-facts figure p").first
    canvas.focus()
    expect(words).to_contain_text(" id ")
    row = int(re.sub(r".* id (\d+),.*", r"\1", words.inner_text()))
    expect(words).to_have_text(f"{embedding.name(row).text} id {row}, {embedding.name(row).kind}")
    page.keyboard.press("ArrowRight")
    expect(words).not_to_contain_text(f" id {row},")
    beside = words.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#row-facts h2").first).to_contain_text(beside.partition(" ")[0])
    canvas.hover(position={"x": 2, "y": 2})
    find = """canvas => { // a pixel of a row
      const {width, height} = canvas, ratio = devicePixelRatio;
      const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
      const at = data.findIndex((value, i) => i % 4 === 3 && value > 200) >> 2;
      return {x: (at % width) / ratio, y: Math.floor(at / width) / ratio};
    }"""
    canvas.hover(position=canvas.evaluate(find))
    expect(words).to_have_text(re.compile(r".+ id \d+, [a-z ]+"))


def test_dead_rows_are_measured_while_one_looks_elsewhere(page: Page, recorded: Served) -> None:
    held: list[Any] = []
    page.route("**/api/dead", lambda route: held.append(route))
    opened(page, recorded, "dead")
    expect(page.locator("#message")).to_contain_text("measuring")
    wait_until(lambda: (page.wait_for_timeout(10), held)[1])
    expect(page.locator("#film-play")).to_be_disabled()
    page.click("#tab-rows")
    expect(page.locator("#message")).to_have_text("")
    expect(page.locator("#row-facts td").first).to_be_visible()
    page.click("#tab-dead")
    expect(page.locator("#message")).to_contain_text("measuring")
    held[0].continue_()
    expect(page.locator("#film-play")).to_be_enabled()
    expect(page.locator("#message")).to_have_text("")
    assert len(held) == 1, "it is asked for once"


def test_on_paper_each_token_has_its_bits_beneath(browser: Browser, hostile: Served) -> None:
    found = trace(hostile.subject.model, hostile.subject.tokenizer, f"ab{SCRIPT}" * 5)
    page = browser.new_page()
    page.set_content(f"<style>{STYLE}</style>{trace_html(found)}")
    beneath = """all => all.map(one => {
      const {content, display} = getComputedStyle(one, "::after");
      return content === "none" || display === "none" ? null : JSON.parse(content);
    })"""
    tokens = page.locator(".cygnet-trace .cygnet-token")
    assert set(tokens.evaluate_all(beneath)) == {None}
    page.emulate_media(media="print")
    assert tokens.evaluate_all(beneath) == [f"{token.surprise:.1f}" for token in found.tokens]
    expect(page.locator(".cygnet-paper")).to_be_visible()
    page.close()
