"""Sessions, attendance and the participation level, each figure traceable to its evidence."""
