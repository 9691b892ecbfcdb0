"""What the content areas are called: the titles of the item files, for pages that name an area without opening a file."""

from __future__ import annotations

TITLES: dict[str, dict[str, str]] = {
    "service-and-role": {"zh": "服务与岗位", "en": "Service and the role"},
    "products-and-compliance": {"zh": "产品与合规", "en": "Products and compliance"},
    "communication": {"zh": "沟通与服务规范", "en": "Communication and service standards"},
    "needs-and-deposits": {"zh": "需求分析与存款计息", "en": "Needs analysis and deposit interest"},
    "needs-and-marketing": {"zh": "需求分析与产品营销", "en": "Needs analysis and marketing"},
    "relationship-and-operations": {"zh": "客户关系与运营", "en": "Customer relationship and operations"},
    "complaints-and-crisis": {"zh": "情绪、投诉与舆情", "en": "Emotion, complaints and crisis"},
    "practice-and-growth": {"zh": "应急、团队与成长", "en": "Emergencies, teamwork and growth"},
    "awareness": {"zh": "服务意识与网点实务", "en": "Service awareness and branch practice"},
    "cadre": {"zh": "储备干部：带班、带人与储蓄业务", "en": "Reserve cadres: leading a shift, leading people, savings"},
}


def title_of(area: str) -> dict[str, str]:
    """The title of an area in both languages; an area that no file of ours has is called by its key."""
    return TITLES.get(area) or {"zh": area, "en": area}
