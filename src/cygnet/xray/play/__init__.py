"""Generation live in the terminal: ``cygnet xray play``."""
