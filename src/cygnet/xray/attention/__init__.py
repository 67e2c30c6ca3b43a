"""Attention: what each token of a text looks at, in every layer and head."""
