"""Writes dbt/seeds/fx_rate.csv: made-up daily exchange rates in the layout of the ECB's euro reference rates.

One row per working day, one column per currency, units of that currency for one euro. The levels are
plausible, the movements are a random walk from a fixed seed: good for a demonstration, not for accounts.
Usage: python scripts/make-fx-seed.py > dbt/seeds/fx_rate.csv
"""

import sys
from datetime import date, timedelta

import numpy as np

FIRST, LAST = date(2017, 12, 29), date(2027, 12, 31)
HOLIDAYS = {(1, 1), (5, 1), (12, 25), (12, 26)}
SEED = 20180101
REVERSION = 0.01  # share of the distance to its level that a rate goes back in a day

# Units for one euro, and the share by which a day usually moves it.
LEVELS = {
    "ARS": (1050, 0.008), "AUD": (1.64, 0.005), "BRL": (6.1, 0.008), "CAD": (1.48, 0.004),
    "CHF": (0.95, 0.003), "CLP": (1010, 0.006), "CNY": (7.8, 0.003), "COP": (4500, 0.007),
    "CZK": (25.1, 0.002), "EGP": (53, 0.005), "GBP": (0.85, 0.004), "HUF": (400, 0.005),
    "IDR": (17200, 0.004), "ILS": (3.95, 0.005), "INR": (91, 0.004), "JPY": (162, 0.005),
    "KES": (139, 0.005), "KRW": (1480, 0.004), "MAD": (10.7, 0.002), "MXN": (20.5, 0.007),
    "MYR": (4.8, 0.004), "NGN": (1650, 0.008), "NOK": (11.6, 0.005), "NZD": (1.8, 0.005),
    "PEN": (4.0, 0.005), "PHP": (61, 0.004), "PLN": (4.3, 0.003), "RON": (4.97, 0.001),
    "SEK": (11.3, 0.004), "SGD": (1.44, 0.003), "THB": (36.5, 0.004), "TRY": (38, 0.008),
    "TWD": (34.5, 0.004), "UAH": (44, 0.005), "USD": (1.09, 0.004), "VND": (27000, 0.004),
    "ZAR": (19.8, 0.008),
}  # fmt: skip
PEGGED_TO_EURO = {"DKK": 7.4604}
PEGGED_TO_DOLLAR = {"AED": 3.6725, "HKD": 7.8, "SAR": 3.75}


def working_days() -> list[date]:
    """Return the days that have rates."""
    every_day = (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1))
    return [day for day in every_day if day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS]  # noqa: PLR2004


def walk(level: float, movement: float, steps: int, random: np.random.Generator) -> np.ndarray:
    """Return a rate's way over `steps` days around its level."""
    distance, way = 0.0, np.empty(steps)
    for step, shock in enumerate(random.normal(0, movement, steps)):
        distance += shock - REVERSION * distance
        way[step] = level * np.exp(distance)
    return way


def main() -> None:
    """Print the seed."""
    days = working_days()
    random = np.random.default_rng(SEED)
    rates = {currency: walk(*LEVELS[currency], len(days), random) for currency in sorted(LEVELS)}
    rates |= {currency: np.full(len(days), rate) for currency, rate in PEGGED_TO_EURO.items()}
    rates |= {currency: rates["USD"] * rate for currency, rate in PEGGED_TO_DOLLAR.items()}
    currencies = sorted(rates)
    print(",".join(["rate_on", *(currency.lower() for currency in currencies)]))
    for row, day in enumerate(days):
        print(",".join([day.isoformat(), *(f"{rates[currency][row]:.6g}" for currency in currencies)]))
    print(f"{len(days)} days, {len(currencies)} currencies", file=sys.stderr)


if __name__ == "__main__":
    main()
