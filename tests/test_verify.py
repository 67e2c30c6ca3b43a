"""Verifying token files: every kind of damage is found, named, and never trained on."""

import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import SMALL, cygnet, refused
from cygnet.errors import CygnetError, DamagedError, InputError, StaleError
from cygnet.files import sha256_json
from cygnet.text.stories import story
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens import ends as ends_module
from cygnet.tokens.build import build
from cygnet.tokens.checksums import BLOCK_BYTES, Checksums, find_damage, find_flipped_bit
from cygnet.tokens.store import TokenStore
from cygnet.tokens.verify import verify

BYTES = Tokenizer([])
TEXTS = [story(5, i) for i in range(60)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Token files of two splits and several shards; not to be changed."""
    folder = tmp_path_factory.mktemp("sound")
    build(folder, BYTES, {"train": TEXTS, "valid": TEXTS[:5]}, shard_tokens=10_000)
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "tokens"))


def flip(path: Path, byte: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[byte] ^= 1 << bit
    path.write_bytes(content)


def damage(folder: Path) -> str:
    with pytest.raises(DamagedError) as caught:
        TokenStore.open(folder).verify(BYTES)
    return str(caught.value)


@pytest.mark.parametrize("block_bytes", [8, 200, BLOCK_BYTES])
def test_sound_files_pass(sound: Path, block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends_module, "BLOCK_BYTES", block_bytes)
    store = TokenStore.open(sound)
    store.verify()
    sizes = sum(p.stat().st_size for p in sound.iterdir() if p.name != "manifest.json")
    done: list[int] = []
    assert verify(store, BYTES, done.append) == sizes
    assert len(done) == len(list(sound.glob("*.bin")))


@pytest.mark.parametrize("number", range(24))
def test_a_flipped_bit_is_found_to_the_byte(folder: Path, number: int) -> None:
    random = np.random.default_rng(number)
    files = sorted(path for path in folder.iterdir() if path.name != "manifest.json")
    path = files[number % len(files)]
    byte, bit = int(random.integers(path.stat().st_size)), int(random.integers(8))
    flip(path, byte, bit)
    found = path.read_bytes()[byte]
    expected = f"{path} is damaged: byte {byte:,} is {found:#04x}, {found ^ 1 << bit:#04x} was"
    assert damage(folder).startswith(expected)


@given(st.data())
@settings(max_examples=60)
def test_a_flipped_bit_in_the_manifest_is_found(sound: Path, data: st.DataObject) -> None:
    content = (sound / "manifest.json").read_bytes()
    byte = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[byte] ^= 1 << data.draw(st.integers(0, 7))
    try:
        same = json.loads(bytes(changed)) == json.loads(content)
    except ValueError:
        same = False
    manifest = sound / "manifest.json"
    try:
        manifest.write_bytes(changed)
        if same:  # another blank
            TokenStore.open(sound).verify()
        else:
            with pytest.raises(CygnetError, match=r"manifest\.json|train|valid"):
                TokenStore.open(sound).verify()
    finally:
        manifest.write_bytes(content)


def rewrite(folder: Path, change: Callable[[dict], object], seal: bool = True) -> None:  # type: ignore[type-arg]
    """Change a manifest as somebody would who knows the format."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    if seal:
        content["sha256"] = sha256_json({k: v for k, v in content.items() if k != "sha256"})
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(dtype="float16"), "its dtype is 'float16'"),
        (lambda m: m.update(vocab_size=70_000), "uint16 cannot hold a vocab_size of 70000"),
        (lambda m: m.update(vocab_size="257"), "vocab_size is '257'"),
        (lambda m: m.update(boundary_id=257), "boundary_id 257 is not in the vocabulary"),
        (lambda m: m.update(splits=[]), "damaged"),
        (lambda m: m.update(more=1), "unknown key 'more'"),
        (lambda m: m.pop("dtype"), "dtype"),
        (lambda m: m["splits"]["train"]["shards"].pop(0), "shard 0 of train is called"),
        (lambda m: m["splits"]["train"].update(tokens=1), "tokens of train is 1, its shards have"),
        (lambda m: m["splits"]["train"]["shards"][1].update(tokens=-1), "tokens of train-00001 is"),
        (lambda m: m["splits"]["train"]["shards"][1].update(name="../x"), "is called '../x'"),
        (lambda m: m["splits"]["train"]["shards"][1].update(other=1), "other"),
    ],
)
def test_what_is_wrong_in_a_manifest_is_named(
    folder: Path,
    change: Callable[[dict], object],
    message: str,  # type: ignore[type-arg]
) -> None:
    rewrite(folder, change)
    found = damage(folder)
    assert "manifest.json is damaged" in found
    assert message in found


def test_a_manifest_without_checksums_is_read(folder: Path) -> None:
    """As others may write it: damage is found then, but not where it lies."""

    def strip(manifest: dict) -> None:  # type: ignore[type-arg]
        del manifest["sha256"]
        for split in manifest["splits"].values():
            for shard in split["shards"]:
                del shard["bin_crc32"], shard["idx_crc32"]

    rewrite(folder, strip, seal=False)
    TokenStore.open(folder).verify(BYTES)
    flip(folder / "train-00001.bin", 0, 0)
    assert "train-00001.bin is damaged: its bytes are not those" in damage(folder)


def reseal(folder: Path, split: str = "train") -> None:
    """Make the hashes those of the files as they are now, so that only the format can be broken."""

    def change(manifest: dict) -> None:  # type: ignore[type-arg]
        for shard in manifest["splits"][split]["shards"]:
            for suffix in ("bin", "idx"):
                sums = Checksums()
                sums.update((folder / f"{shard['name']}.{suffix}").read_bytes())
                shard[f"{suffix}_sha256"], shard[f"{suffix}_crc32"] = sums.sha256, sums.crc32
        counts = Checksums()
        counts.update((folder / f"{split}-counts.npy").read_bytes())
        manifest["splits"][split]["counts_sha256"] = counts.sha256

    rewrite(folder, change)


def test_an_id_out_of_the_vocabulary(folder: Path) -> None:
    ids = np.fromfile(folder / "train-00001.bin", "<u2")
    ids[1234] = 300
    ids.tofile(folder / "train-00001.bin")
    reseal(folder)
    expected = "train-00001.bin breaks the format: byte 2,468 begins the id 300, of 257 in all"
    assert expected in damage(folder)


@pytest.mark.parametrize("block_bytes", [8, 200, BLOCK_BYTES])
def test_a_document_without_its_boundary(
    folder: Path, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends_module, "BLOCK_BYTES", block_bytes)
    ids, ends = (
        np.fromfile(folder / f"train-00001.{s}", t) for s, t in (("bin", "<u2"), ("idx", "<u8"))
    )
    last = int(ends[3]) - 1
    ids[last] = 65
    ids.tofile(folder / "train-00001.bin")
    reseal(folder)
    expected = f"breaks the format: byte {2 * last:,} begins the id 65, a document ends there"
    assert expected in damage(folder)


@pytest.mark.parametrize("block_bytes", [8, BLOCK_BYTES])
@pytest.mark.parametrize("wrong", [0, 2**63, None])
def test_ends_that_do_not_ascend(
    folder: Path, wrong: int | None, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends_module, "BLOCK_BYTES", block_bytes)
    path = folder / "train-00001.idx"
    ends = np.fromfile(path, "<u8")
    ends[2] = ends[1] if wrong is None else wrong  # a document without even a boundary
    ends.tofile(path)
    reseal(folder)
    byte = 16 if wrong != 2**63 else 24
    assert f"{path} breaks the format: byte {byte} says that a document ends at" in damage(folder)


def test_a_last_end_that_is_not_the_last_token(folder: Path) -> None:
    path = folder / "train-00001.idx"
    ends = np.fromfile(path, "<u8")
    ends[-1] += 1
    ends.tofile(path)
    reseal(folder)
    assert f"{path} breaks the format: its last document ends at {ends[-1]:,}" in damage(folder)


def test_counts_of_other_ids(folder: Path) -> None:
    path = folder / "train-counts.npy"
    counts = np.load(path)
    counts[97] += 1
    np.save(path, counts)
    reseal(folder)
    assert f"it says that the id 97 occurs {counts[97]:,} times, it does" in damage(folder)
    np.save(path, counts.astype(np.float64))
    reseal(folder)
    assert "holds float64" in damage(folder)
    with pytest.raises(DamagedError, match="holds float64"):
        TokenStore.open(folder).counts("train")


def test_missing_surplus_and_truncated_files_are_named(folder: Path) -> None:
    (folder / "notes.txt").write_text("not ours")
    for name in ("train-00009.bin", "test-00000.idx", "train-00001.bin.tmp", "old-counts.npy"):
        (folder / name).write_bytes(b"")
        assert f"{name} is not in manifest.json" in damage(folder)
        (folder / name).unlink()
    for name in ("train-00001.bin", "train-00000.idx", "valid-counts.npy"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1])
        assert f"{name} is damaged: it has {len(content) - 1:,} bytes" in damage(folder)
        (folder / name).unlink()
        assert f"{name} is missing" in damage(folder)
        (folder / name).write_bytes(content)
    TokenStore.open(folder).verify(BYTES)


def test_another_tokenizer_and_other_bytes_of_text(folder: Path) -> None:
    with pytest.raises(StaleError, match="another tokenizer"):
        TokenStore.open(folder).verify(Tokenizer.train(["aa aa aa"], 300))

    def change(manifest: dict) -> None:  # type: ignore[type-arg]
        manifest["splits"]["train"]["text_bytes"] += 1
        manifest["splits"]["train"]["shards"][0]["text_bytes"] += 1

    rewrite(folder, change)
    TokenStore.open(folder).verify()  # without a tokenizer nobody can know
    assert "bytes of text in train" in damage(folder)


def test_damage_is_located_by_block(tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(2 * BLOCK_BYTES + 1000)
    sums = Checksums()
    for start in range(0, len(content), 77_777):
        sums.update(content[start : start + 77_777])
    blocks = [content[i : i + BLOCK_BYTES] for i in range(0, len(content), BLOCK_BYTES)]
    assert sums.crc32 == "".join(f"{zlib.crc32(block):08x}" for block in blocks)
    path = tmp_path / "ids.bin"

    def found(*changes: tuple[int, int]) -> str:
        path.write_bytes(content)
        for byte, bit in changes:
            flip(path, byte, bit)
        return find_damage(path, sums.sha256, sums.crc32)

    last = len(content) - 1
    assert found((last, 7)).startswith(f"byte {last:,} is ")
    assert found((BLOCK_BYTES, 0)).startswith(f"byte {BLOCK_BYTES:,} is ")
    # Two bits in a block, and one bit in each of two blocks: no single flip explains them.
    whole = f"bytes {BLOCK_BYTES:,} to {2 * BLOCK_BYTES - 1:,} are not"
    assert found((BLOCK_BYTES + 5, 1), (BLOCK_BYTES + 500, 2)).startswith(whole)
    assert found((BLOCK_BYTES + 5, 1), (last, 2)).startswith(whole)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_every_bit_has_a_difference_of_its_own(content: bytes, data: st.DataObject) -> None:
    byte, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(content)
    changed[byte] ^= 1 << bit
    difference = zlib.crc32(content) ^ zlib.crc32(changed)
    assert find_flipped_bit(difference, len(content)) == (byte, bit)
    assert find_flipped_bit(0, len(content)) is None


def test_command_prints_what_it_checked(finished_run: Path, folder: Path, tmp_path: Path) -> None:
    result = cygnet("tokens", "verify", finished_run)
    assert result.returncode == 0, result.stderr
    train, valid, last = result.stdout.splitlines()
    assert train.split()[::2] == ["train", "tokens", "documents", "shards"]
    assert valid.startswith("valid")
    assert last.endswith("sizes, sha256, ids, document ends, counts, tokenizer")
    assert "MB/s" in last
    assert "another tokenizer" in refused(
        cygnet("tokens", "verify", folder, "--tokenizer", finished_run)
    )
    flip(folder / "train-00001.bin", 4711, 3)
    assert "train-00001.bin is damaged: byte 4,711 is" in refused(
        cygnet("tokens", "verify", folder)
    )


@pytest.mark.parametrize(
    "name", ["train-00000.bin", "train-00001.idx", "train-counts.npy", "manifest.json"]
)
def test_damaged_files_are_never_trained_on(finished_run: Path, tmp_path: Path, name: str) -> None:
    """Not by a new training, and not by one that goes on after a kill."""
    run = tmp_path / "run"
    shutil.copytree(finished_run, run, ignore=shutil.ignore_patterns("transformer", "xray"))
    path = run / "tokens" / name
    flip(path, path.stat().st_size // 2, 1)
    for _ in range(2):
        message = refused(cygnet("run", "demo", *SMALL, "--out", run))
        assert f"{path} is damaged" in message
        assert not list(run.glob("transformer/**/*.safetensors"))
        # As a killed training leaves its folder.
        shutil.copytree(finished_run / "transformer", run / "transformer", dirs_exist_ok=True)
        record = json.loads((run / "transformer" / "stage.json").read_text())
        for left in (run / "transformer").iterdir():
            left.unlink()
        kept = {key: record[key] for key in ("stage", "options", "inputs")}
        (run / "transformer" / "started.json").write_text(json.dumps(kept))


def test_a_read_that_fails_is_one_line(folder: Path) -> None:
    store = TokenStore.open(folder)
    (folder / "train-00000.idx").unlink()
    (folder / "train-00000.idx").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        store.verify()
