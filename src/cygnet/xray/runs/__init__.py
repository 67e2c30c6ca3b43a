"""Several runs side by side: figures, recipes, loss curves, and what they wrote on the way."""
