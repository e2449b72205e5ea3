"""Names that a person reads, drawn from pools that Faker makes for each country.

Faker takes some 20 to 50 microseconds per name; a pool of a few hundred per locale, combined at random,
keeps a million customers in seconds. No id, place or amount depends on a name: a new Faker changes no event.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np

from txwatch.world.choice import Indices
from txwatch.world.geography import COUNTRIES
from txwatch.world.identity import salt

POOL_SIZE = 200
COMPANY_FORMS = ("& Sons", "Bros", "House", "Corner")
MAIL_DOMAINS = ("example.com", "example.net", "example.org")
"""Reserved for examples by RFC 2606: no mail can reach a stranger."""


@dataclass(frozen=True)
class NamePool:
    """Names of one locale to choose from."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    companies: tuple[str, ...]


@cache
def name_pool(locale: str, seed: int) -> NamePool:
    """Make the pool of a locale; the same seed gives the same names under the same release of Faker."""
    from faker import Faker  # slow to load, and only dimensions need names

    faker = Faker(locale)
    faker.seed_instance(int(salt(seed, "names", locale)))
    first = faker.first_romanized_name if locale == "ja_JP" else faker.first_name
    last = faker.last_romanized_name if locale == "ja_JP" else faker.last_name
    return NamePool(
        first=tuple(first() for _ in range(POOL_SIZE)),
        last=tuple(last() for _ in range(POOL_SIZE)),
        companies=tuple(f"{last()} {COMPANY_FORMS[pick % len(COMPANY_FORMS)]}" for pick in range(POOL_SIZE)),
    )


def person_names(seed: int, country: Indices) -> tuple[list[str], list[str]]:
    """Return names and e-mail addresses of people who live in `country` (indices into COUNTRIES)."""
    draw = np.random.Generator(np.random.Philox(key=int(salt(seed, "person names"))))
    picks = draw.integers(0, POOL_SIZE, size=(len(country), 2)).tolist()
    names, mails = [], []
    for number, (where, (first_pick, last_pick)) in enumerate(zip(country.tolist(), picks, strict=True)):
        pool = name_pool(COUNTRIES[where].locale, seed)
        first, last = pool.first[first_pick], pool.last[last_pick]
        names.append(f"{first} {last}")
        mails.append(mail_address(first, last, number))
    return names, mails


def mail_address(first: str, last: str, number: int) -> str:
    """Make an ASCII e-mail address that no other number shares, for example `zoe.muller.17@example.com`."""
    local = ".".join(_ascii_letters(part) for part in (first, last))
    return f"{local}.{number}@{MAIL_DOMAINS[number % len(MAIL_DOMAINS)]}"


def _ascii_letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain if letter.isalpha()) or "x"


def shop_names(seed: int, country: Indices, trades: list[str]) -> list[str]:
    """Return names of shops in `country`, each ending in its trade, for example `Okafor Bros Fuel`."""
    draw = np.random.Generator(np.random.Philox(key=int(salt(seed, "shop names"))))
    picks = draw.integers(0, POOL_SIZE, size=len(country)).tolist()
    return [
        f"{name_pool(COUNTRIES[where].locale, seed).companies[pick]} {trade}"
        for where, pick, trade in zip(country.tolist(), picks, trades, strict=True)
    ]
