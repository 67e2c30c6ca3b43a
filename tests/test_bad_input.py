"""Whatever is wrong: one line that says what was found and what to do, and nothing lost."""

import json
import os
import resource
import shutil
from pathlib import Path

import pytest

from conftest import SMALL, cygnet, enlarge, refused, start
from test_run import kill_at_checkpoint, products, state

FEW = ("--text.valid", "stories:2:5", "--tokenizer.vocab-size", "300")


def train_tokenizer(source: str | Path, folder: Path, *more: str) -> str:
    """The message that refuses a source."""
    return refused(
        cygnet("tokenizer", "train", "demo", "--text.train", source, *FEW, *more, "--out", folder)
    )


def test_missing_file(tmp_path: Path) -> None:
    assert "none.txt does not exist" in train_tokenizer(tmp_path / "none.txt", tmp_path / "run")


def test_unreadable_file(tmp_path: Path) -> None:
    # It may be opened by anyone, and reading it fails even for root.
    path = tmp_path / "mem.txt"
    path.symlink_to("/proc/self/mem")
    assert "mem.txt cannot be read" in train_tokenizer(path, tmp_path / "run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.txt"
    path.write_text("a")
    path.chmod(0)
    assert "no permission" in train_tokenizer(path, tmp_path / "run")


def test_pattern_that_matches_nothing(tmp_path: Path) -> None:
    assert "matches no file" in train_tokenizer(f"{tmp_path}/*.txt", tmp_path / "run")


def test_folder_without_text(tmp_path: Path) -> None:
    assert "holds no .txt, .jsonl, .parquet file" in train_tokenizer(tmp_path, tmp_path / "run")


def test_invalid_utf8(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"good good\n<|endoftext|>\nb\xe9d\n")
    message = train_tokenizer(path, tmp_path / "run")
    assert "bad.txt: document 1 is not UTF-8 at byte 25" in message
    assert "--text.errors replace" in message
    command = ("tokenizer", "train", "demo", "--text.train", path, *FEW, "--out", tmp_path / "run")
    result = cygnet(*command, "--text.errors", "replace")
    assert result.returncode == 0
    assert "1 invalid byte sequences replaced" in result.stderr
    record = json.loads((tmp_path / "run" / "text" / "stage.json").read_text())
    assert record["results"]["train"]["replaced"] == 1


@pytest.mark.parametrize("content", [b"", b"\n\n", b"<|endoftext|>\n<|endoftext|>\n"])
def test_empty_corpus(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.txt"
    path.write_bytes(content)
    message = train_tokenizer(path, tmp_path / "run")
    assert "text.train is empty" in message
    assert "empty.txt holds no text" in message


def test_vocabulary_too_small(tmp_path: Path) -> None:
    message = train_tokenizer("stories:1:5", tmp_path, "--tokenizer.vocab-size", "256")
    assert (
        "vocab_size 256 is too small: 256 bytes and 1 special tokens need at least 257" in message
    )


def test_corpus_too_small_for_the_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "little.txt"
    path.write_text("ab ab ab")
    options = ("--text.train", path, *FEW, "--out", tmp_path / "run")
    result = cygnet("tokenizer", "train", "demo", *options)
    assert result.returncode == 0
    assert (
        "holds only 2 pairs that occur at least 2 times: the vocabulary has 259 tokens, 300"
        " were asked" in result.stderr
    )


def test_split_pattern_that_does_not_compile(tmp_path: Path) -> None:
    message = train_tokenizer("stories:1:5", tmp_path, "--tokenizer.pattern", "(")
    assert "does not compile" in message


def test_block_longer_than_the_data(tmp_path: Path) -> None:
    options = ("--text.train", "stories:1:2", *FEW, "--transformer.block-size", "4096")
    message = refused(cygnet("run", "demo", *options, "--out", tmp_path))
    assert "a block of 4,096 tokens needs 4,097, but train has only" in message
    assert (tmp_path / "tokens" / "stage.json").exists()
    mended = (*options[:-1], "64", "--transformer.steps", "2")
    assert cygnet("run", "demo", *mended, "--out", tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--transformer.n-head", "5", "n_head 5 does not divide n_embd"),
        ("--transformer.eval-every", "15", "no multiple of log_every"),
        ("--transformer.batch-size", "0", "batch_size must be at least 1"),
        ("--transformer.log-every", "0", "log_every must be at least 1"),
        ("--transformer.seed", "-1", "seed must be at least 0"),
    ],
)
def test_options_that_cannot_work(tmp_path: Path, option: str, value: str, expected: str) -> None:
    options = ("--text.train", "stories:1:20", *FEW, option, value)
    assert expected in refused(cygnet("run", "demo", *options, "--out", tmp_path))


def copy_of(finished_run: Path, tmp_path: Path, *without: str) -> Path:
    """A copy of the finished run in which some stages are still to be done."""
    folder = tmp_path / "copy"
    shutil.copytree(finished_run, folder, ignore=lambda _, names: set(without) & set(names))
    return folder


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_token_files_of_another_tokenizer(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_of(finished_run, tmp_path)
    other = tmp_path / "other"
    assert (
        cygnet("tokenizer", "train", "demo", "--text.train", "stories:3:50", *FEW, "--out", other)
    ).returncode == 0
    shutil.copytree(other / "tokenizer", folder / "tokenizer", dirs_exist_ok=True)
    assert "was written by another tokenizer" in refused(cygnet("tokens", "show", folder))


def test_truncated_token_file(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_of(finished_run, tmp_path, "transformer", "xray")
    path = folder / "tokens" / "train-00001.bin"
    path.write_bytes(path.read_bytes()[:-10])
    message = refused(cygnet("run", "demo", *SMALL, "--out", folder))
    assert "train-00001.bin is damaged: it has" in message
    assert "train-00001.bin is damaged" in refused(cygnet("tokens", "show", folder))


def test_flipped_bit_is_not_trained_on_and_overwrite_mends_it(
    finished_run: Path, tmp_path: Path
) -> None:
    folder = copy_of(finished_run, tmp_path, "transformer", "xray")
    flip(folder / "tokens" / "train-00001.bin", 100)
    message = refused(cygnet("transformer", "train", "demo", *SMALL, "--out", folder))
    assert "train-00001.bin is damaged: its bytes are not those" in message
    assert not (folder / "transformer").exists()
    result = cygnet("tokens", "build", "demo", *SMALL, "--out", folder, "--overwrite")
    assert result.returncode == 0, result.stderr
    mended, whole = state(folder / "tokens"), state(finished_run / "tokens")
    del mended["stage.json"], whole["stage.json"]
    assert {k: v[1] for k, v in mended.items()} == {k: v[1] for k, v in whole.items()}


def test_damaged_model(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_of(finished_run, tmp_path)
    flip(folder / "transformer" / "model.safetensors", -9)
    for command in (("transformer", "generate", folder), ("xray", "trace", folder, "Once")):
        assert "model.safetensors is damaged" in refused(cygnet(*command))


def test_damaged_checkpoint(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_of(finished_run, tmp_path, "transformer", "xray")
    assert kill_at_checkpoint(folder, delay=0.1)
    for seal in folder.glob("transformer/checkpoints/*/seal.json"):
        weights = seal.parent / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-10])
    before = state(folder)
    message = refused(cygnet("run", "demo", *SMALL, "--out", folder))
    assert "is damaged, and no other is left; --overwrite trains from the beginning" in message
    assert state(folder) == before
    result = cygnet("run", "demo", *SMALL, "--out", folder, "--overwrite")
    assert result.returncode == 0, result.stderr
    assert products(folder) == products(finished_run)


def test_full_disk_while_training(finished_run: Path, tmp_path: Path) -> None:
    folder = copy_of(finished_run, tmp_path, "transformer", "xray")
    limit = (folder / "tokens" / "manifest.json").stat().st_size + 100_000
    command = ("transformer", "train", "demo", *SMALL, "--transformer.steps", "60", "--out", folder)
    result = cygnet(
        *command,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    message = refused(result)
    assert "could not be written" in message
    assert "free some space and run the same command again" in message
    assert not list(folder.glob("transformer/checkpoints/checkpoint-*"))
    assert not list(folder.rglob("*.tmp"))
    result = cygnet(*command)
    assert result.returncode == 0, result.stderr


def test_full_disk(small_disk: Path) -> None:
    folder = small_disk / "run"
    options = ("--text.valid", "stories:2:5", "--out", folder)
    message = refused(cygnet("tokens", "build", "demo", "--text.train", "stories:1:4000", *options))
    assert "the disk is full" in message
    assert "free some space and run the same command again" in message
    assert not list(folder.rglob("*.tmp"))
    options = ("--text.train", "stories:1:1000", *options)
    message = refused(cygnet("tokens", "build", "demo", *options))
    assert "train-00000.bin could not be written" in message
    assert (folder / "tokenizer" / "tokenizer.json").exists()
    assert not list(folder.rglob("*.tmp"))
    enlarge(small_disk, "9m")
    assert cygnet("tokens", "build", "demo", *options).returncode == 0


def test_full_disk_keeps_the_checkpoints_that_were_finished(
    finished_run: Path, small_disk: Path
) -> None:
    enlarge(small_disk, "30m")
    folder = copy_of(finished_run, small_disk, "transformer", "xray")
    used = sum(path.stat().st_size for path in folder.rglob("*"))
    enlarge(small_disk, str(used + 4_800_000))  # two checkpoints, and no third beside them
    message = refused(cygnet("run", "demo", *SMALL, "--out", folder))
    assert "could not be written" in message
    kept = list(folder.glob("transformer/checkpoints/checkpoint-*"))
    assert kept
    assert all((checkpoint / "seal.json").exists() for checkpoint in kept)
    enlarge(small_disk, "60m")
    result = cygnet("run", "demo", *SMALL, "--out", folder)
    assert result.returncode == 0, result.stderr
    assert products(folder) == products(finished_run)


def test_no_permission_to_write() -> None:
    message = refused(cygnet("run", "demo", "--out", "/proc/run"))
    assert "/proc/run" in message
    message = refused(cygnet("run", "demo", "--out", "/dev/null"))
    assert "/dev/null is not a folder" in message


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    assert "holds no model" in refused(cygnet("transformer", "generate", tmp_path))
    assert "holds no tokenizer" in refused(cygnet("tokenizer", "show", tmp_path, "x"))


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = cygnet("tokenizer", "show", tmp_path, "x", "--debug")
    assert result.returncode != 0
    assert "Traceback" in result.stderr


def test_a_reader_that_goes_away(finished_run: Path) -> None:
    process = start("text", "stories", "--n", "3000")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
