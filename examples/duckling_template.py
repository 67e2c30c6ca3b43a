# %% [markdown]
# # Dead tokens: a template
#
# Some rows of an embedding belong to tokens that never occur in the training data. What happens to
# them? This trains the reference model, records its embedding and looks at both kinds of rows.
# Change what you like. VS Code and Jupytext open the file as a notebook, and Python runs it:
#
#     cygnet tokens build duckling-ii --out runs/duckling-ii
#     cygnet tokens export runs/duckling-ii tokenized_dataset --format arrow --split train
#     python examples/duckling_template.py
#
# | variable | sets | by default |
# | --- | --- | --- |
# | `DUCKLING_RUN` | the run with the vocabulary and the token files | `runs/duckling-ii` |
# | `DUCKLING_DATASET` | what `tokens export` has made of its train split | `tokenized_dataset` |
# | `DUCKLING_STEPS` | optimizer steps | 1000 |
# | `DUCKLING_OUT` | where everything is written | `runs/duckling-template` |

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from datasets import load_from_disk
from transformers import GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed

from cygnet import CompactTokenizer, EmbeddingRecorder
from cygnet.transformer.presets import duckling_ii

run = Path(os.environ.get("DUCKLING_RUN", "runs/duckling-ii"))
blocks = os.environ.get("DUCKLING_DATASET", "tokenized_dataset")
num_steps = int(os.environ.get("DUCKLING_STEPS", "1000"))
output_dir = Path(os.environ.get("DUCKLING_OUT", "runs/duckling-template"))
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
set_seed(42)

# %% [markdown]
# ## Tokenizer
# GPT-2's most frequent tokens, numbered anew, and behind them the dead rows. `duckling-lossless`
# has an ordinary BPE instead: `tokenizer = cygnet.Tokenizer.load(run)`.

# %%
tokenizer = CompactTokenizer.load(run / "tokenizer")
dead_token_ids = list(tokenizer.dead_ids)
print(f"{len(tokenizer) - len(dead_token_ids):,} live and {len(dead_token_ids):,} dead tokens")

# %% [markdown]
# ## Data set
# Blocks of 512 tokens. How often each token occurs is known of the whole split: no dead one does.
# Models of `transformers` shift the labels themselves: they are the inputs.

# %%
dataset = load_from_disk(blocks).with_format("torch")
counts = np.load(run / "tokens" / "train-counts.npy")
assert not counts[dead_token_ids].any(), "a dead token occurs"
print(f"{counts.sum():,} tokens, {len(dataset):,} blocks")


def collator(rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """A batch, ``int64`` of shape ``(B, 512)``."""
    input_ids = torch.stack([row["input_ids"] for row in rows])
    return {"input_ids": input_ids, "labels": input_ids}


# %% [markdown]
# ## Model
# `W` is the embedding. It is tied: the rows that are looked up also make the logits, and so the
# softmax moves dead rows too.

# %%
model = GPT2LMHeadModel(duckling_ii(len(tokenizer))).to(device)
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

# %% [markdown]
# `cygnet xray dead runs/duckling-template --dead-ids 6144-8191` has more figures, and a film.
