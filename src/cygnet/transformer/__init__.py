"""The model: shape, training, evaluation, generation. Needs the extra ``train``."""
