"""Which attempts stand on earlier versions of items: what a hearing is about when a key was changed after use."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from foundation.content import ContentHead, ContentVersion
from foundation.db import db
from quizzes.models import Slot


def attempts_on_earlier_versions(keys: Iterable[str]) -> dict[str, int]:
    """Item (or set) key → number of attempts that were given a version with another scoring than the current one."""
    current = aliased(ContentVersion)
    rows = db.session.execute(
        select(ContentVersion.key, func.count(func.distinct(Slot.attempt_id)))
        .join(Slot, Slot.item_version_id == ContentVersion.id)
        .join(ContentHead, (ContentHead.kind == "item") & (ContentHead.key == ContentVersion.key))
        .join(current, current.id == ContentHead.version_id)
        .where(ContentVersion.kind == "item", ContentVersion.key.in_(sorted(keys)), ContentVersion.scoring_hash != current.scoring_hash)
        .group_by(ContentVersion.key))
    return {row[0]: row[1] for row in rows}
