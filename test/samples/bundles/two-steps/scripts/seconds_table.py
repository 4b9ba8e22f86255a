"""A module beside the script, found because the folder travels as a whole."""

from collections import Counter
from collections.abc import Iterable, Mapping


def total_by_kind(rows: Iterable[Mapping[str, str]]) -> Counter[str]:
    """The seconds of each kind together."""
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["kind"]] += int(row["seconds"])
    return totals
