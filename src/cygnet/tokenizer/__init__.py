"""Text to token ids and back: a byte-level BPE."""
