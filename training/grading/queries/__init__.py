"""Reads of this part. Other parts use `performance_facts`, `raters_of` and `use_extensions`; the pages use the rest."""

from training.grading.queries.deadline import case_due, use_extensions
from training.grading.queries.facts import PerformanceFact, performance_facts, raters_of
from training.grading.queries.instruments import case_of, instrument, station_of
from training.grading.queries.queue import QueuePage, queue_page
from training.grading.queries.red_lines import RedLinesPage, red_lines_page

__all__ = [
    "PerformanceFact", "QueuePage", "RedLinesPage", "case_due", "case_of", "instrument", "performance_facts", "queue_page", "raters_of",
    "red_lines_page", "station_of", "use_extensions",
]
