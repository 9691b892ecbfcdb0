"""The whole path with every page in Chinese."""

from __future__ import annotations

import pytest

from tests.browser.walk import Walk


@pytest.mark.browser
class TestInChinese(Walk):
    language = "zh"
