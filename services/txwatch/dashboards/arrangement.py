"""From places on a grid to rows and columns, for a page that knows only those. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from txwatch.dashboards.definitions import Card


@dataclass(frozen=True)
class Group:
    """Cards or groups beneath (`rows`) or beside (`columns`) each other; `widths` in grid cells."""

    direction: Literal["rows", "columns"]
    members: tuple["Card | Group", ...]
    widths: tuple[int, ...]


def arrange(cards: Sequence[Card]) -> Card | Group:
    """Cut a tab's cards along lines that cross none of them, top to bottom first, then left to right.

    Raises:
        ValueError: no such line is left, though several cards are (a pinwheel).
    """
    if len(cards) == 1:
        return cards[0]
    bands = _cut(cards, lambda card: (card.place.row, card.place.row + card.place.height))
    if len(bands) > 1:
        return Group("rows", tuple(map(arrange, bands)), tuple(map(_width, bands)))
    columns = _cut(cards, lambda card: (card.place.col, card.place.col + card.place.width))
    if len(columns) > 1:
        return Group("columns", tuple(map(arrange, columns)), tuple(map(_width, columns)))
    raise ValueError(f"{', '.join(card.id for card in cards)} cannot be shown as rows and columns")


def _cut(cards: Sequence[Card], extent: Callable[[Card], tuple[int, int]]) -> list[list[Card]]:
    """Group cards whose extents overlap, in order."""
    groups: list[list[Card]] = []
    reached = -1
    for card in sorted(cards, key=extent):
        start, end = extent(card)
        if start >= reached:
            groups.append([])
        groups[-1].append(card)
        reached = max(reached, end)
    return groups


def _width(cards: Sequence[Card]) -> int:
    return max(card.place.col + card.place.width for card in cards) - min(card.place.col for card in cards)
