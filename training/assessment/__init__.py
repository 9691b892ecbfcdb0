"""The weighted scheme with a bar for each component: verdicts, deadlines, confirmed results."""
