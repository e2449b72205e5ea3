"""What merchants sell: categories (ISO 18245), how much a sale is, how it is paid.

Medians and spreads are in US dollars, of a log-normal amount: `sigma` near 1 gives a heavy tail (the
highest percent of sales is then over ten times the median). Picked to look like card statements, fitted to
no source.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Category:
    """A line of trade; `sales` is its share of all sales, in thousandths of no particular total."""

    code: str
    name: str
    trade: str
    median_usd: float
    sigma: float
    sales: int
    is_online: bool = False
    risk_tier: str = "low"


CATEGORIES: tuple[Category, ...] = (
    Category("4111", "Commuter transport", "Transit", 5.0, 0.5, 70),
    Category("4121", "Taxicabs", "Cabs", 17.0, 0.6, 40),
    Category("4511", "Airlines", "Air", 290.0, 0.7, 8, is_online=True, risk_tier="medium"),
    Category("4816", "Computer network services", "Cloud", 22.0, 0.7, 25, is_online=True, risk_tier="medium"),
    Category("4899", "Pay television", "Streaming", 13.0, 0.3, 30, is_online=True),
    Category("5311", "Department stores", "Stores", 58.0, 0.8, 45),
    Category("5411", "Grocery stores", "Groceries", 32.0, 0.75, 240),
    Category("5541", "Service stations", "Fuel", 42.0, 0.45, 80),
    Category("5732", "Electronics", "Electronics", 150.0, 0.95, 20, risk_tier="medium"),
    Category("5812", "Restaurants", "Kitchen", 29.0, 0.7, 130),
    Category("5814", "Fast food", "Diner", 11.0, 0.5, 130),
    Category("5815", "Digital goods", "Media", 8.0, 0.7, 45, is_online=True, risk_tier="medium"),
    Category("5912", "Drug stores", "Pharmacy", 19.0, 0.7, 50),
    Category("5944", "Jewellery", "Jewellers", 230.0, 1.1, 4, risk_tier="high"),
    Category("5964", "Catalogue merchants", "Shop", 44.0, 0.9, 70, is_online=True),
    Category("6051", "Quasi cash", "Exchange", 120.0, 1.1, 3, is_online=True, risk_tier="high"),
    Category("7011", "Hotels", "Hotel", 170.0, 0.7, 12, risk_tier="medium"),
    Category("7230", "Hairdressers", "Salon", 36.0, 0.5, 15),
    Category("7832", "Cinemas", "Pictures", 19.0, 0.4, 15),
    Category("7995", "Betting", "Bets", 35.0, 1.0, 8, is_online=True, risk_tier="high"),
    Category("8011", "Doctors", "Clinic", 85.0, 0.8, 10),
)

CATEGORY_SALES = np.array([category.sales for category in CATEGORIES], dtype=float)
CATEGORY_MEDIAN_USD = np.array([category.median_usd for category in CATEGORIES])
CATEGORY_SIGMA = np.array([category.sigma for category in CATEGORIES])
CATEGORY_IS_ONLINE = np.array([category.is_online for category in CATEGORIES])


def category_index(*codes: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the places of the given codes in CATEGORIES."""
    known = [category.code for category in CATEGORIES]
    return np.array([known.index(code) for code in codes])
