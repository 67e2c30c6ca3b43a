"""The page: a run in the browser, served to this machine alone."""
