"""The two marks that a card's SQL may carry, as Metabase's native queries do.

`{{name}}` stands for a filter's value; `[[ ... ]]` is left out unless every filter named inside has one.
"""

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


def variables(sql: str) -> tuple[str, ...]:
    """Name the filters that the SQL takes, each once, in the order of their first use."""
    return tuple(dict.fromkeys(_VARIABLE.findall(sql)))


def required(sql: str) -> tuple[str, ...]:
    """Name the filters that stand outside every optional clause: the SQL cannot run without them."""
    return variables(_OPTIONAL.sub("", sql))


def bind(sql: str, values: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Turn a card's SQL into a statement and parameters for `psycopg2`'s `cursor.execute`.

    Values never become part of the statement: each `{{name}}` turns into `%(name)s`, for the driver to quote.

    Args:
        sql: the card's SQL.
        values: filter -> value; `None` means not set.
    """
    given = {name: value for name, value in values.items() if value is not None}

    def keep_or_drop(clause: re.Match[str]) -> str:
        return clause[1] if given.keys() >= set(variables(clause[1])) else ""

    statement = _OPTIONAL.sub(keep_or_drop, sql.replace("%", "%%"))
    return _VARIABLE.sub(r"%(\1)s", statement), {name: given[name] for name in variables(statement)}
