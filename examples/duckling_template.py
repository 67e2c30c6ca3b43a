# %% [markdown]
# # Dead tokens: a template
#
# Some rows of an embedding belong to tokens that never occur in the training data. What happens to
# them? This trains the reference model, records its embedding and looks at both kinds of rows.
# Change what you like. VS Code and Jupytext open the file as a notebook, and Python runs it:
#
#     python examples/duckling_template.py
#
# | variable | sets | by default |
# | --- | --- | --- |
# | `DUCKLING_TEXT` | a text file, documents with `<|endoftext|>` between them | built-in stories |
# | `DUCKLING_STEPS` | optimizer steps | 1000 |
# | `DUCKLING_OUT` | where everything is written | `runs/duckling-template` |

# %%
import os
from itertools import islice
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from transformers import GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed

from cygnet import EmbeddingRecorder, Tokenizer
from cygnet.text.stories import stories
from cygnet.transformer.presets import duckling_ii

text_file = os.environ.get("DUCKLING_TEXT")
num_steps = int(os.environ.get("DUCKLING_STEPS", "1000"))
output_dir = Path(os.environ.get("DUCKLING_OUT", "runs/duckling-template"))
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
set_seed(42)

# %% [markdown]
# ## Tokenizer
# A vocabulary with rows to spare: what the tokenizer never gives is dead. For a vocabulary with
# planted dead rows, put its tokenizer and its dead ids here.

# %%
config = duckling_ii()
if text_file:
    documents = Path(text_file).read_text().split("<|endoftext|>")
else:
    documents = list(islice(stories(seed=1), 5000))
tokenizer = Tokenizer.train(documents, vocab_size=6144)
dead_token_ids = list(range(tokenizer.vocab_size, config.vocab_size))
print(f"{tokenizer.vocab_size:,} live and {len(dead_token_ids):,} dead tokens")

# %% [markdown]
# ## Data set
# Blocks of 512 tokens. Models of `transformers` shift the labels themselves: they are the inputs.

# %%
block_size = config.n_positions
ids, _ = tokenizer.encode_batch(documents, append=tokenizer.boundary_id)
blocks = torch.from_numpy(ids[: len(ids) // block_size * block_size].astype(np.int64))
dataset = [{"input_ids": block} for block in blocks.view(-1, block_size)]
assert not np.isin(dead_token_ids, ids).any(), "a dead token occurs"
print(f"{len(ids):,} tokens, {len(dataset):,} blocks")


def collator(rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """A batch, ``int64`` of shape ``(B, 512)``."""
    input_ids = torch.stack([row["input_ids"] for row in rows])
    return {"input_ids": input_ids, "labels": input_ids}


# %% [markdown]
# ## Model
# `W` is the embedding. It is tied: the rows that are looked up also make the logits, and so the
# softmax moves dead rows too.

# %%
model = GPT2LMHeadModel(config).to(device)
W = model.transformer.wte.weight
assert model.lm_head.weight is W
print(f"{model.num_parameters():,} parameters, W {tuple(W.shape)}")


# %% [markdown]
# ## Training


# %%
def make_training_args(num_steps: int, output_dir: str, logging_steps: int) -> TrainingArguments:
    """The reference training: AdamW, a linear decay without warm-up, bf16 products."""
    return TrainingArguments(
        output_dir=output_dir,
        max_steps=num_steps,
        logging_steps=logging_steps,
        per_device_train_batch_size=2,
        learning_rate=1e-4,
        weight_decay=0.01,
        max_grad_norm=1.0,
        lr_scheduler_type="linear",
        warmup_steps=0,
        bf16=True,  # the weights stay fp32
        use_cpu=device.type == "cpu",  # bf16 asks for a GPU otherwise
        save_strategy="no",
        dataloader_pin_memory=False,
        report_to="none",
        seed=42,
    )


class LossTracker(TrainerCallback):
    """Keeps what ``Trainer`` logs."""

    def __init__(self):
        self.steps, self.losses = [], []

    def on_log(self, args, state, control, logs=None, **kwargs):
        """Called every ``logging_steps``."""
        if "loss" in logs:
            self.steps.append(state.global_step)
            self.losses.append(logs["loss"])


every = max(1, num_steps // 50)
loss_tracker = LossTracker()
recorder = EmbeddingRecorder(output_dir / "recorder", every=every, overwrite=True)
trainer = Trainer(
    model=model,
    args=make_training_args(num_steps, str(output_dir), logging_steps=every),
    train_dataset=dataset,
    data_collator=collator,
    callbacks=[loss_tracker, recorder],
)
trainer.train()

# %% [markdown]
# ## What the rows did
# `snapshots.npy` has the shape `(snapshots, rows, width)`; `steps.npy` says when each was taken.

# %%
steps = np.load(output_dir / "recorder" / "steps.npy")
snapshots = np.load(output_dir / "recorder" / "snapshots.npy", mmap_mode="r")
is_dead = np.isin(np.arange(len(W)), dead_token_ids)


def centroid_and_spread(rows: np.ndarray) -> tuple[np.ndarray, float]:
    """The mean of rows, and their mean distance from it."""
    centroid = rows.mean(axis=0)
    return centroid, float(np.linalg.norm(rows - centroid, axis=1).mean())


moved, spread = {}, {}
for name, group in {"dead": is_dead, "live": ~is_dead}.items():
    found = [centroid_and_spread(rows[group]) for rows in snapshots]
    moved[name] = [float(np.linalg.norm(centroid - found[0][0])) for centroid, _ in found]
    spread[name] = [distance for _, distance in found]
    print(f"{name}: centroid moved by {moved[name][-1]:.4f}, spread {spread[name][-1]:.4f}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
axes[0].plot(loss_tracker.steps, loss_tracker.losses)
axes[0].set(title="loss, nats per token", xlabel="step")
for name in moved:
    axes[1].plot(steps, moved[name], label=name)
    axes[2].plot(steps, spread[name], label=name)
axes[1].set(title="how far the centroid has moved", xlabel="step")
axes[2].set(title="mean distance from the centroid", xlabel="step")
axes[1].legend()
figure.savefig(output_dir / "rows.png")
plt.show()
