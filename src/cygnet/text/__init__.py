"""Where text comes from: sources, download, built-in stories."""
