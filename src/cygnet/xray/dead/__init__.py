"""What training does to embedding rows of tokens that never occur: ``cygnet xray dead``."""
