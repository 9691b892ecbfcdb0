"""Files that come in: the roster."""
