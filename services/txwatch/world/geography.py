"""Where people live and shops stand: cities, their countries and currencies.

Positions are the cities' rounded centres; `customers` is the share of the world's customers, in thousandths.
Clocks are whole hours from UTC without daylight saving time: good enough for a daily rhythm.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Country:
    """A country of the world: ISO 3166-1 code, ISO 4217 currency, units per US dollar, Faker's locale."""

    code: str
    currency: str
    per_usd: float
    locale: str
    minor_units: int = 2


@dataclass(frozen=True)
class City:
    """A place where customers live and merchants trade."""

    name: str
    country: str
    latitude: float
    longitude: float
    utc_hours: int
    customers: int


COUNTRIES: tuple[Country, ...] = (
    Country("AE", "AED", 3.67, "en_GB"),
    Country("AU", "AUD", 1.52, "en_AU"),
    Country("BR", "BRL", 5.4, "pt_BR"),
    Country("CA", "CAD", 1.37, "en_CA"),
    Country("CH", "CHF", 0.88, "de_CH"),
    Country("DE", "EUR", 0.92, "de_DE"),
    Country("ES", "EUR", 0.92, "es_ES"),
    Country("FR", "EUR", 0.92, "fr_FR"),
    Country("GB", "GBP", 0.78, "en_GB"),
    Country("IE", "EUR", 0.92, "en_IE"),
    Country("IN", "INR", 84.0, "en_IN"),
    Country("IT", "EUR", 0.92, "it_IT"),
    Country("JP", "JPY", 150.0, "ja_JP", minor_units=0),
    Country("MX", "MXN", 18.0, "es_MX"),
    Country("NL", "EUR", 0.92, "nl_NL"),
    Country("PL", "PLN", 4.0, "pl_PL"),
    Country("SE", "SEK", 10.5, "sv_SE"),
    Country("SG", "SGD", 1.34, "en_GB"),
    Country("US", "USD", 1.0, "en_US"),
    Country("ZA", "ZAR", 18.0, "en_GB"),
)

# In the order of COUNTRIES, so that the cities of one country stand together.
CITIES: tuple[City, ...] = (
    City("Dubai", "AE", 25.20, 55.27, 4, 10),
    City("Sydney", "AU", -33.87, 151.21, 10, 20),
    City("Melbourne", "AU", -37.81, 144.96, 10, 15),
    City("Perth", "AU", -31.95, 115.86, 8, 5),
    City("Sao Paulo", "BR", -23.55, -46.63, -3, 25),
    City("Rio de Janeiro", "BR", -22.91, -43.17, -3, 15),
    City("Brasilia", "BR", -15.79, -47.88, -3, 5),
    City("Toronto", "CA", 43.65, -79.38, -5, 20),
    City("Montreal", "CA", 45.50, -73.57, -5, 12),
    City("Vancouver", "CA", 49.28, -123.12, -8, 8),
    City("Zurich", "CH", 47.37, 8.54, 1, 10),
    City("Geneva", "CH", 46.20, 6.14, 1, 5),
    City("Berlin", "DE", 52.52, 13.41, 1, 25),
    City("Hamburg", "DE", 53.55, 9.99, 1, 18),
    City("Munich", "DE", 48.14, 11.58, 1, 20),
    City("Cologne", "DE", 50.94, 6.96, 1, 17),
    City("Frankfurt", "DE", 50.11, 8.68, 1, 15),
    City("Madrid", "ES", 40.42, -3.70, 1, 22),
    City("Barcelona", "ES", 41.39, 2.17, 1, 18),
    City("Seville", "ES", 37.39, -5.98, 1, 6),
    City("Paris", "FR", 48.86, 2.35, 1, 40),
    City("Lyon", "FR", 45.76, 4.84, 1, 15),
    City("Marseille", "FR", 43.30, 5.37, 1, 13),
    City("Lille", "FR", 50.63, 3.06, 1, 8),
    City("London", "GB", 51.51, -0.13, 0, 60),
    City("Manchester", "GB", 53.48, -2.24, 0, 22),
    City("Birmingham", "GB", 52.49, -1.89, 0, 18),
    City("Edinburgh", "GB", 55.95, -3.19, 0, 10),
    City("Dublin", "IE", 53.35, -6.26, 0, 12),
    City("Mumbai", "IN", 19.08, 72.88, 5, 25),
    City("Delhi", "IN", 28.61, 77.21, 5, 22),
    City("Bengaluru", "IN", 12.97, 77.59, 5, 18),
    City("Rome", "IT", 41.90, 12.50, 1, 20),
    City("Milan", "IT", 45.46, 9.19, 1, 20),
    City("Naples", "IT", 40.85, 14.27, 1, 10),
    City("Tokyo", "JP", 35.68, 139.69, 9, 35),
    City("Osaka", "JP", 34.69, 135.50, 9, 15),
    City("Mexico City", "MX", 19.43, -99.13, -6, 20),
    City("Guadalajara", "MX", 20.66, -103.35, -6, 10),
    City("Amsterdam", "NL", 52.37, 4.90, 1, 18),
    City("Rotterdam", "NL", 51.92, 4.48, 1, 10),
    City("Warsaw", "PL", 52.23, 21.01, 1, 15),
    City("Krakow", "PL", 50.06, 19.94, 1, 8),
    City("Stockholm", "SE", 59.33, 18.07, 1, 14),
    City("Gothenburg", "SE", 57.71, 11.97, 1, 6),
    City("Singapore", "SG", 1.35, 103.82, 8, 12),
    City("Atlanta", "US", 33.75, -84.39, -5, 16),
    City("Boston", "US", 42.36, -71.06, -5, 16),
    City("Chicago", "US", 41.88, -87.63, -6, 28),
    City("Dallas", "US", 32.78, -96.80, -6, 22),
    City("Denver", "US", 39.74, -104.99, -7, 14),
    City("Houston", "US", 29.76, -95.37, -6, 20),
    City("Los Angeles", "US", 34.05, -118.24, -8, 36),
    City("Miami", "US", 25.76, -80.19, -5, 18),
    City("New York", "US", 40.71, -74.01, -5, 50),
    City("Phoenix", "US", 33.45, -112.07, -7, 14),
    City("San Francisco", "US", 37.77, -122.42, -8, 22),
    City("Seattle", "US", 47.61, -122.33, -8, 16),
    City("Johannesburg", "ZA", -26.20, 28.05, 2, 12),
    City("Cape Town", "ZA", -33.92, 18.42, 2, 8),
)

_COUNTRY_INDEX = {country.code: index for index, country in enumerate(COUNTRIES)}

CITY_COUNTRY = np.array([_COUNTRY_INDEX[city.country] for city in CITIES])
CITY_LATITUDE = np.array([city.latitude for city in CITIES])
CITY_LONGITUDE = np.array([city.longitude for city in CITIES])
CITY_UTC_HOURS = np.array([city.utc_hours for city in CITIES])
CITY_SHARE = np.array([city.customers for city in CITIES]) / sum(city.customers for city in CITIES)
COUNTRY_PER_USD = np.array([country.per_usd for country in COUNTRIES])
COUNTRY_SMALLEST_CENTS = np.array([10 ** (2 - country.minor_units) for country in COUNTRIES])
"""The smallest payable amount of a country's currency, in hundredths of its unit: 100 for the yen."""
COUNTRY_FIRST_CITY = np.searchsorted(CITY_COUNTRY, np.arange(len(COUNTRIES)), side="left")
COUNTRY_LAST_CITY = np.searchsorted(CITY_COUNTRY, np.arange(len(COUNTRIES)), side="right") - 1

EARTH_RADIUS_KM = 6371.0


def distances_km() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the great-circle distances (haversine formula) between all cities, shape (cities, cities)."""
    latitude, longitude = np.radians(CITY_LATITUDE), np.radians(CITY_LONGITUDE)
    half_north = np.sin((latitude[:, None] - latitude[None, :]) / 2) ** 2
    half_east = np.sin((longitude[:, None] - longitude[None, :]) / 2) ** 2
    chord = half_north + np.cos(latitude)[:, None] * np.cos(latitude)[None, :] * half_east
    arcs: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = 2.0 * np.arcsin(np.sqrt(chord))
    return EARTH_RADIUS_KM * arcs
