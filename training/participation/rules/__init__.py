"""Plain rules: attendance out of planned minutes, and the level proposed from observations."""
