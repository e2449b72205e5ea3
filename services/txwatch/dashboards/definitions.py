"""What the dashboards are: cards, the dashboards that hold them, the filters that they share.

A card is a file in `cards/`: its name is the card's id, a comment on top says the rest in YAML, then comes
the SQL.
"""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from txwatch.dashboards import template
from txwatch.errors import UsageError
from txwatch.events import COUNTRIES, CURRENCIES

CARDS_DIR = Path(__file__).parent / "cards"
GRID_WIDTH = 24
"""Columns of a dashboard's grid, as Metabase counts them."""

ChartKind = Literal["number", "line", "area", "bar", "row", "table"]


class Definition(BaseModel):
    """Base of everything that is defined here: frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Filter(Definition):
    """A value that a reader of a dashboard may choose; cards name it as `{{id}}`."""

    id: str
    title: str
    kind: Literal["date", "text"]
    choices: tuple[str, ...] = Field((), description="values to choose from; none: any may be typed")


class Chart(Definition):
    """How a card's rows are drawn."""

    kind: ChartKind
    x: str | None = Field(None, description="column on the horizontal axis (vertical for `row`)")
    y: tuple[str, ...] = Field((), description="columns that are drawn; the one that is shown, for `number`")
    series: str | None = Field(None, description="column whose values get a colour each")
    stacked: bool = False
    unit: str = Field("", description="what y is counted in, as it is written after a number")

    @model_validator(mode="after")
    def _has_its_columns(self) -> Self:
        if self.kind == "number" and (len(self.y) != 1 or self.x or self.series):
            raise ValueError("a number shows exactly one y, and no x or series")
        if self.kind in ("line", "area", "bar", "row") and not (self.x and self.y):
            raise ValueError(f"a {self.kind} chart needs x and y")
        if self.series and len(self.y) != 1:
            raise ValueError("a series splits exactly one y")
        return self


class Place(Definition):
    """Where a card stands on its tab, in grid cells from the upper left."""

    col: int = Field(ge=0, lt=GRID_WIDTH)
    row: int = Field(ge=0)
    width: int = Field(ge=1, le=GRID_WIDTH)
    height: int = Field(ge=1)

    @model_validator(mode="after")
    def _fits_the_grid(self) -> Self:
        if self.col + self.width > GRID_WIDTH:
            raise ValueError(f"col + width may be at most {GRID_WIDTH}")
        return self

    def overlaps(self, other: Self) -> bool:
        """Say whether both would cover a common cell."""
        return (
            self.col < other.col + other.width
            and other.col < self.col + self.width
            and self.row < other.row + other.height
            and other.row < self.row + self.height
        )


class Card(Definition):
    """One question, the SQL that answers it and how the answer is drawn."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    question: str = Field(pattern=r"\?$", description="what a reader learns from it")
    dashboard: str
    tab: str
    place: Place
    chart: Chart
    sql: str

    @property
    def filters(self) -> tuple[str, ...]:
        """The ids of the filters that the SQL takes."""
        return template.variables(self.sql)


class Dashboard(Definition):
    """Cards on tabs, under common filters."""

    id: str
    title: str
    description: str
    tabs: tuple[str, ...]


FILTERS = (
    Filter(id="day_from", title="From day (UTC)", kind="date"),
    Filter(id="day_to", title="To day (UTC)", kind="date"),
    Filter(id="currency", title="Currency", kind="text", choices=tuple(sorted(CURRENCIES))),
    Filter(id="country", title="Country", kind="text", choices=tuple(sorted(COUNTRIES))),
    Filter(id="rule", title="Rule", kind="text"),
)

DASHBOARDS = (
    Dashboard(
        id="operations",
        title="Operations",
        description="Is the stream alive, fast and clean?",
        tabs=("Stream", "Quarantine"),
    ),
    Dashboard(
        id="fraud",
        title="Fraud",
        description="What is suspicious, where, and how right are the rules?",
        tabs=("Alerts", "Rules"),
    ),
    Dashboard(
        id="business",
        title="Business",
        description="What is earned, where, and with whom?",
        tabs=("Revenue", "Customers and merchants"),
    ),
)

_HEAD = re.compile(r"\A/\*\n(?P<head>.*?)\n\*/\n(?P<sql>.+)\Z", re.DOTALL)


def read_card(path: Path) -> Card:
    """Read one card's file.

    Raises:
        UsageError: the file is not a card; the sentence names the file and what is wrong.
    """
    parts = _HEAD.match(path.read_text())
    if parts is None:
        raise UsageError(
            f"{path.name}: a card starts with `/*`, its YAML head and `*/`, each on a line of its own"
        )
    try:
        head = yaml.safe_load(parts["head"])
        card = Card(id=path.stem, sql=parts["sql"].strip(), **head)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (yaml.YAMLError, TypeError) as error:
        raise UsageError(f"{path.name}: the head is not a YAML mapping: {error}") from None
    _check_references(card)
    return card


def _check_references(card: Card) -> None:
    dashboard = next((board for board in DASHBOARDS if board.id == card.dashboard), None)
    if dashboard is None or card.tab not in dashboard.tabs:
        places = ", ".join(f"{board.id}/{tab}" for board in DASHBOARDS for tab in board.tabs)
        raise UsageError(f"{card.id}.sql: no tab {card.dashboard}/{card.tab}; there are {places}")
    known = [choice.id for choice in FILTERS]
    for name in card.filters:
        if name not in known:
            raise UsageError(f"{card.id}.sql: no filter {{{{{name}}}}}; there are {', '.join(known)}")
    if needed := template.required(card.sql):
        raise UsageError(
            f"{card.id}.sql: {{{{{needed[0]}}}}} must stand inside [[ ]]: every filter may be left empty"
        )


@cache
def load_cards(folder: Path = CARDS_DIR) -> tuple[Card, ...]:
    """Read every card, in reading order: dashboard, tab, row, column.

    Raises:
        UsageError: a file is not a card, or two cards of a tab cover the same cell.
    """
    order = [(board.id, tab) for board in DASHBOARDS for tab in board.tabs]
    cards = sorted(
        (read_card(path) for path in folder.glob("*.sql")),
        key=lambda card: (order.index((card.dashboard, card.tab)), card.place.row, card.place.col),
    )
    for number, card in enumerate(cards):
        for other in cards[number + 1 :]:
            if (card.dashboard, card.tab) == (other.dashboard, other.tab) and card.place.overlaps(
                other.place
            ):
                raise UsageError(
                    f"{card.id}.sql and {other.id}.sql cover the same cells of {card.dashboard}/{card.tab}"
                )
    return tuple(cards)


def cards_of(dashboard: Dashboard, cards: tuple[Card, ...], tab: str | None = None) -> tuple[Card, ...]:
    """Pick a dashboard's cards (one tab's, if named), in reading order."""
    return tuple(card for card in cards if card.dashboard == dashboard.id and tab in (None, card.tab))


def filters_of(cards: tuple[Card, ...]) -> tuple[Filter, ...]:
    """Pick the filters that at least one of the cards takes."""
    return tuple(choice for choice in FILTERS if any(choice.id in card.filters for card in cards))
