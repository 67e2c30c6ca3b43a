"""Texts as they are written: figures, seeds, ends, ways back, several at once, the command."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from commands import cygnet, refused
from cygnet.errors import InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.generation import generate, generate_batch
from cygnet.transformer.model import load_model
from cygnet.transformer.sampler import Sampler
from cygnet.transformer.sampling import Sampling
from small_models import BYTES, CONFIGS, SLIDING, new_model

NUCLEUS = Sampling(temperature=0.9, top_p=0.9, seed=3)
PROMPTS = ["On", "Once upon a time, there was a fox", "", "a"]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return new_model(CONFIGS["llama"])


def test_greedy_on_a_real_run_is_that_of_transformers(finished_run: Path) -> None:
    folder = finished_run / "transformer"
    model, tokenizer = load_model(finished_run), Tokenizer.load(finished_run)
    theirs, their_tokenizer = (
        kind.from_pretrained(folder) for kind in (AutoModelForCausalLM, AutoTokenizer)
    )
    for prompt in ("Once upon a time", "One day, the"):
        boundary = tokenizer.boundary_id
        ids = torch.tensor([[boundary, *their_tokenizer(prompt)["input_ids"]]])
        mask = torch.ones_like(ids)
        expected = theirs.generate(
            ids, attention_mask=mask, max_new_tokens=50, do_sample=False, pad_token_id=boundary
        )[0, ids.shape[1] :].tolist()
        drawn = list(generate(model, tokenizer, prompt, max_tokens=50, temperature=0))
        assert [token.id for token in drawn] == [i for i in expected if i != boundary]


def test_figures_are_those_of_the_definition(model: PreTrainedModel) -> None:
    sampling = Sampling(temperature=0.7, top_k=9, seed=2)
    sampler = Sampler(model, BYTES, "On", sampling, n_alternatives=12)
    for token in [sampler.step() for _ in range(5)]:
        ids = sampler.ids[: sampler.n_given + sampler.tokens.index(token)]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0, -1]
        assert token.before and token.after
        p = logits.softmax(0)
        assert token.before.probability == pytest.approx(float(p[token.id]), abs=1e-5)
        assert token.before.rank == int((p > p[token.id]).sum()) + 1
        assert token.before.entropy == pytest.approx(float(-(p * p.log2()).sum()), abs=1e-4)
        top = (logits / 0.7).topk(9)
        q = top.values.softmax(0)
        assert [i for i, _ in token.after.alternatives] == top.indices.tolist()
        shares = [share for _, share in token.after.alternatives]
        assert shares == pytest.approx(q.tolist(), abs=1e-5)
        assert token.after.entropy == pytest.approx(float(-(q * q.log2()).sum()), abs=1e-4)
        assert token.after.probability == pytest.approx(dict(token.after.alternatives)[token.id])
        assert not token.is_forced


def test_going_back_and_on_gives_the_same_text(model: PreTrainedModel) -> None:
    sampler = Sampler(model, BYTES, "On", NUCLEUS)
    first = [sampler.step() for _ in range(60)]  # behind a full context
    for n in (1, 5, 40, 60):
        sampler.back(n)
        again = [sampler.step() for _ in range(n)]
        assert [token.id for token in again] == [token.id for token in first[-n:]]
    with pytest.raises(InputError, match="60 tokens were written"):
        sampler.back(61)


def test_a_forced_token_and_what_follows(model: PreTrainedModel) -> None:
    sampler = Sampler(model, BYTES, "On", Sampling(temperature=0))
    for _ in range(4):
        sampler.step()
    own, allowed = sampler.alternatives(3)
    assert len(own.alternatives) == 3 and len(allowed.alternatives) == 1
    token = sampler.force(own.alternatives[2][0])
    assert token.is_forced and token.before and token.before.rank == 3
    assert token.after and token.after.probability == 0
    sampler.step()
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([sampler.ids[:-1]])).logits[0, -1]
    assert sampler.ids[-1] == int(logits.argmax())
    for wrong in (-1, 257):
        with pytest.raises(InputError, match="out of range"):
            sampler.force(wrong)


def test_settings_may_change_between_two_steps(model: PreTrainedModel) -> None:
    sampler = Sampler(model, BYTES, "On", NUCLEUS)
    ids = [sampler.step().id for _ in range(3)]
    sampler.sampling = Sampling(temperature=0)
    likeliest = sampler.alternatives(1)[0].alternatives[0][0]
    assert sampler.step().id == likeliest
    sampler.back(4)
    found = set()
    for seed in range(20):
        sampler.sampling = replace(NUCLEUS, seed=seed)
        found.add(tuple(sampler.step().id for _ in range(3)))
        sampler.back(3)
    assert len(found) > 5 and tuple(ids) in found


def test_several_texts_are_as_alone(model: PreTrainedModel) -> None:
    seen: list[tuple[int, int]] = []
    for sampling in (Sampling(temperature=0), NUCLEUS):
        seen.clear()
        together = generate_batch(
            model,
            BYTES,
            PROMPTS,
            sampling,
            max_tokens=70,
            on_token=lambda row, token: seen.append((row, token.id)),
        )
        for row, (prompt, sampler) in enumerate(zip(PROMPTS, together, strict=True)):
            own = replace(sampling, seed=sampling.seed + row)
            [alone] = generate_batch(model, BYTES, [prompt], own, max_tokens=70)
            assert sampler.ids == alone.ids
            assert sampler.text == alone.text
            assert [token for r, token in seen if r == row] == [t.id for t in sampler.tokens]
    slid = generate_batch(new_model(SLIDING), BYTES, ["ab", "a"], NUCLEUS, max_tokens=20)
    assert all(len(sampler.tokens) == 20 or sampler.ended for sampler in slid)


def test_a_stop_sequence_ends_the_text_across_tokens(model: PreTrainedModel) -> None:
    [whole] = generate_batch(model, BYTES, ["On"], NUCLEUS, max_tokens=40)
    stop = next(
        whole.text[i : i + 3]
        for i in range(5, 30)
        if "\ufffd" not in whole.text[i : i + 3] and whole.text.index(whole.text[i : i + 3]) == i
    )
    before = whole.text[: whole.text.index(stop)]
    tokens = list(generate(model, BYTES, "On", stop=[stop], temperature=0.9, top_p=0.9, seed=3))
    assert "".join(token.text for token in tokens) == before
    assert bytes(token.id for token in tokens).endswith(stop.encode())
    [stopped] = generate_batch(model, BYTES, ["On"], NUCLEUS, stop=["\0\0\0", stop])
    assert (stopped.text, stopped.ended) == (before, "stop")
    stopped.back(1)
    assert stopped.ended is None and stopped.text.startswith(before)


def test_characters_come_when_they_are_complete(model: PreTrainedModel) -> None:
    sampler = Sampler(model, BYTES, "a")
    pieces = [sampler.force(byte).text for byte in "é🦢".encode()]
    assert pieces == ["", "é", "", "", "", "🦢"]
    sampler.force("é".encode()[0])
    assert (sampler.rest, sampler.text) == ("\ufffd", "é🦢\ufffd")
    sampler.back(2)
    assert [sampler.force(byte).text for byte in b"\xa2!"] == ["🦢", "!"]


def test_the_boundary_ends_a_text_and_can_be_passed(model: PreTrainedModel) -> None:
    sampler = Sampler(model, BYTES, "a")
    token = sampler.force(256)
    assert (token.text, sampler.ended, list(sampler)) == ("", "boundary", [])
    sampler.step()
    assert sampler.text == sampler.tokens[1].text + sampler.rest


def test_a_long_prompt_is_windowed(model: PreTrainedModel) -> None:
    drawn = list(generate(model, BYTES, "once " * 100, max_tokens=3, temperature=0))
    assert len(drawn) == 3


def test_what_cannot_be_is_refused(model: PreTrainedModel) -> None:
    with pytest.raises(InputError, match="boundary token to begin from"):
        generate(new_model(CONFIGS["gpt2"]), Tokenizer([], special_tokens=()))
    small = Tokenizer.train(["hug hug hugs"], vocab_size=259)
    with pytest.raises(InputError, match=r"257 rows .* 259 tokens: this is not its tokenizer"):
        generate(model, small, "a")
    with pytest.raises(InputError, match="is not its tokenizer"):
        generate(model, Tokenizer([], special_tokens=(), n_dead=600), "a")


def test_rows_that_no_token_has_are_never_drawn() -> None:
    model = new_model(CONFIGS["gpt2"])
    with torch.no_grad():
        model.transformer.wte.weight[256] *= 100
    drawn = generate(model, Tokenizer([], special_tokens=()), "abc", max_tokens=20, temperature=5.0)
    assert all(token.id < 256 for token in drawn)


def test_generate_command(finished_run: Path) -> None:
    base = ("transformer", "generate", finished_run, "--max-tokens", "12", "--min-p", "0.05")
    one = cygnet(*base, "--prompt", "One day,")
    assert one.returncode == 0 and one.stdout.startswith("One day,")
    two = cygnet(*base, "--prompt", "One day,", "-n", "2").stdout
    assert two.startswith("--- 0\n" + one.stdout) and "--- 1\nOne day," in two
    letter = one.stdout[len("One day,") :].strip()[3]
    stopped = cygnet(*base, "--prompt", "One day,", "--stop", letter).stdout
    assert stopped == "One day," + one.stdout[8:].partition(letter)[0] + "\n"
    as_model = cygnet(*base[:2], finished_run / "transformer", *base[3:], "--prompt", "One day,")
    assert as_model.stdout == one.stdout
    for option, value in (("--temperature", "-1"), ("--top-k", "0"), ("--min-p", "3"), ("-n", "0")):
        message = refused(cygnet(*base[:3], option, value))
        assert option.strip("-").replace("-", "_") in message or "texts" in message
