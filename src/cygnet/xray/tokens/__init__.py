"""A text through several tokenizers, side by side."""
