"""What posted hearings say about versions of items: read wherever an answer is scored or a key is shown."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from foundation.db import db
from quizzes.models import ItemRuling
from quizzes.rules.hearing import Ruling, Standing, prepare
from quizzes.rules.item import Answerable


@dataclass(frozen=True)
class RulingView:
    """The ruling that stands for one item of one version: the latest posted."""

    id: int
    hearing_id: int
    item_key: str
    version_id: int
    ruling: Ruling
    posted_at: datetime

    def ready(self, item: Answerable) -> Standing:
        """Made ready for the item of its version."""
        return prepare(self.ruling, item)


def rulings_on(version_ids: Collection[int]) -> dict[tuple[int, str], RulingView]:
    """(version id, item key) → the ruling that stands for it; one select, of the few versions that were ever heard."""
    if not version_ids:
        return {}
    rows: Any = db.session.execute(
        select(ItemRuling.id, ItemRuling.hearing_id, ItemRuling.item_key, ItemRuling.item_version_id, ItemRuling.remedy, ItemRuling.change,
               ItemRuling.posted_at)
        .where(ItemRuling.item_version_id.in_(sorted(set(version_ids)))).order_by(ItemRuling.id))
    return {(row.item_version_id, row.item_key): RulingView(row.id, row.hearing_id, row.item_key, row.item_version_id, Ruling(row.remedy, row.change),
                                                           row.posted_at) for row in rows}
