"""The whole path with every page in English."""

from __future__ import annotations

import pytest

from tests.browser.walk import Walk


@pytest.mark.browser
class TestInEnglish(Walk):
    language = "en"
