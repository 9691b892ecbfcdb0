"""docs/sources.md tells the truth: eighty rows, and every address it names leads to a page."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sources.md"
ROW = re.compile(r"^\| (F\d\d) \|.*?\| (?:`(/[^`]*)`|–) \|[^|]*\|$", re.M)


def test_all_eighty_systems_are_listed_and_their_addresses_exist(app: Flask) -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert [key for key, _address in rows] == [f"F{number:02}" for number in range(1, 81)]
    adapter = app.url_map.bind("localhost")
    for _key, address in rows:
        if address:
            endpoint, _values = adapter.match(address, method="GET")
            assert endpoint in app.view_functions
