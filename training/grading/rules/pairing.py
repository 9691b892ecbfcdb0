"""Who rates whom: a bounded, even and repeatable distribution of raters over performances."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


class TooFewRaters(Exception):
    """Some performances cannot get enough different raters; `keys` names them."""

    def __init__(self, keys: Sequence[int]) -> None:
        super().__init__(keys)
        self.keys = tuple(keys)


def distribute(performances: Sequence[int], raters: Sequence[int], each: int, forbidden: Mapping[int, Collection[int]]) -> dict[int, tuple[int, ...]]:
    """Performance key → `each` different raters, in place order; the raters take turns and the first place alternates.

    `forbidden`: performance key → people who must not rate it (the trainee, the mentor). All or nothing: raises
    TooFewRaters naming every performance that cannot be served.

    >>> distribute([1, 2, 3], [7, 8], 2, {})
    {1: (7, 8), 2: (8, 7), 3: (7, 8)}
    """
    order = list(dict.fromkeys(raters))
    load = dict.fromkeys(order, 0)
    firsts = dict.fromkeys(order, 0)
    result: dict[int, tuple[int, ...]] = {}
    unserved = []
    for key in performances:
        allowed = [rater for rater in order if rater not in forbidden.get(key, ())]
        if len(allowed) < each:
            unserved.append(key)
            continue
        chosen = sorted(allowed, key=lambda rater: (load[rater], order.index(rater)))[:each]
        chosen.sort(key=lambda rater: (firsts[rater], order.index(rater)))
        for rater in chosen:
            load[rater] += 1
        firsts[chosen[0]] += 1
        result[key] = tuple(chosen)
    if unserved:
        raise TooFewRaters(unserved)
    return result
