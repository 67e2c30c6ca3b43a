"""Rows of the embedding matrices: norms, neighbours, and where one lies among live and dead."""
