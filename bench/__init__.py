"""Measurements against a yardstick in the same run, on the same server. `make bench` runs them all."""
