"""The microscope: what the model thinks of every token. Needs the extra ``train``."""
