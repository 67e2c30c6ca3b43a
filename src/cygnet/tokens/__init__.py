"""Token files, and batches out of them."""
