"""What the double takes in a request's body, field by field.

Transcribed from the schemas that Metabase's own sources declare for each endpoint (0.65; the file stands
beside each). Where Metabase drops a field that it does not declare (src/metabase/api/macros.clj,
`decode-transformer`), the double refuses it: a client whose field is dropped has lost something unawares.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any], bool]


def non_blank(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def natural(value: Any) -> bool:
    return value == 0 or positive(value)


def integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def boolean(value: Any) -> bool:
    return isinstance(value, bool)


def text(value: Any) -> bool:
    return isinstance(value, str)


def mapping(value: Any) -> bool:
    return isinstance(value, dict)


def email(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) is not None


def password(value: Any) -> bool:
    """`ms/ValidPassword`, normal strength: six characters, one a digit (src/metabase/util/password.clj)."""
    return isinstance(value, str) and len(value) >= 6 and any(letter.isdigit() for letter in value)


def maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def one_of(*values: str) -> Check:
    return lambda value: value in values


@dataclass(frozen=True)
class Shape:
    """A JSON object: its required and its optional fields, and nothing else."""

    required: Mapping[str, "Check | Shape"]
    optional: Mapping[str, "Check | Shape"]

    def errors(self, value: Any) -> dict[str, str]:
        """Name what is wrong, as `errors` in Metabase's answer 400 does."""
        if not isinstance(value, dict):
            return {"_error": "value must be a map."}
        fields = {**self.required, **self.optional}
        found = dict.fromkeys(value.keys() - fields.keys(), "unexpected key")
        found |= dict.fromkeys(self.required.keys() - value.keys(), "missing required key")
        for name in value.keys() & fields.keys():
            check = fields[name]
            if isinstance(check, Shape):
                found |= {f"{name}.{inner}": words for inner, words in check.errors(value[name]).items()}
            elif not check(value[name]):
                found[name] = f"invalid value {value[name]!r}"
        return found

    def __call__(self, value: Any) -> bool:
        return not self.errors(value)


def shape(optional: Mapping[str, "Check | Shape"] | None = None, /, **required: "Check | Shape") -> Shape:
    return Shape(required, optional or {})


# src/metabase/lib/schema/parameter.cljc, `types`: which parameters may reach which variables.
ALLOWED_FOR = {
    "number": {"number"},
    "text": {"text"},
    "date": {"date"},
    "date/single": {"date"},
    "category": {"number", "text", "date", "boolean"},
    "number/=": {"number"},
    "string/=": {"text"},
    "boolean/=": {"boolean"},
}
PARAMETER_TYPES = {
    *ALLOWED_FOR,
    "id",
    "boolean",
    "date/range",
    "date/relative",
    "date/all-options",
    "string/contains",
}


def variable_target(value: Any) -> bool:
    """src/metabase/lib/schema/parameter.cljc, `::variable`: ["variable", ["template-tag", name]]."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and value[0] == "variable"
        and isinstance(value[1], list)
        and len(value[1]) == 2
        and value[1][0] == "template-tag"
        and non_blank(value[1][1])
    )


# src/metabase/parameters/schema.cljc, `::parameter` and `::parameter-mapping`.
PARAMETER = shape(
    {
        "name": text,
        "slug": text,
        "sectionId": non_blank,
        "target": variable_target,
        "values_source_type": one_of("static-list", "card"),
        "values_source_config": shape({"values": list_of(text)}),
    },
    id=non_blank,
    type=one_of(*PARAMETER_TYPES),
)
MAPPING = shape({"card_id": positive}, parameter_id=non_blank, target=variable_target)

# src/metabase/lib/schema/template_tag.cljc, `::raw-value`; the id is "100% required", says its comment.
TEMPLATE_TAG = shape(
    {"default": lambda _: True, "required": boolean},
    **{
        "id": non_blank,
        "name": non_blank,
        "display-name": non_blank,
        "type": one_of("number", "text", "date", "boolean"),
    },
)
NATIVE = shape(
    {"template-tags": lambda tags: mapping(tags) and all(map(TEMPLATE_TAG, tags.values()))}, query=non_blank
)
DATASET_QUERY = shape(database=positive, type=one_of("native"), native=NATIVE)

# src/metabase/setup_rest/api.clj, POST "/".
SET_UP = shape(
    token=non_blank,
    user=shape(
        {"first_name": maybe(non_blank), "last_name": maybe(non_blank), "site_name": maybe(text)},
        email=email,
        password=password,
    ),
    prefs=shape({"site_locale": maybe(text), "allow_tracking": lambda _: True}, site_name=non_blank),
)
# src/metabase/session/api.clj, POST "/".
LOG_IN = shape(username=non_blank, password=non_blank)

# src/metabase/driver/postgres.clj, `connection-properties`.
DETAILS = shape(
    {"ssl": boolean}, host=non_blank, port=positive, dbname=non_blank, user=non_blank, password=text
)
# src/metabase/warehouses_rest/api.clj, POST "/" and PUT "/:id".
CREATE_DATABASE = shape(
    {"is_full_sync": boolean, "auto_run_queries": boolean},
    name=non_blank,
    engine=one_of("postgres", "mysql", "h2"),
    details=DETAILS,
)
UPDATE_DATABASE = shape({**CREATE_DATABASE.required, **CREATE_DATABASE.optional, "description": maybe(text)})

# src/metabase/collections_rest/api.clj, POST "/" and PUT "/:id".
CREATE_COLLECTION = shape({"description": maybe(non_blank), "parent_id": maybe(positive)}, name=non_blank)
UPDATE_COLLECTION = shape(
    {"name": maybe(non_blank), "description": maybe(non_blank), "archived": maybe(boolean)}
)

# src/metabase/queries_rest/api/card.clj, `CardCreateSchema` and `CardUpdateSchema`.
_CARD_OPTIONAL = {
    "type": maybe(one_of("question", "model", "metric")),
    "parameters": maybe(list_of(PARAMETER)),
    "description": maybe(non_blank),
    "collection_id": maybe(positive),
    "collection_position": maybe(positive),
}
CREATE_CARD = shape(
    _CARD_OPTIONAL,
    name=non_blank,
    dataset_query=DATASET_QUERY,
    display=non_blank,
    visualization_settings=mapping,
)
UPDATE_CARD = shape(
    {**_CARD_OPTIONAL, **CREATE_CARD.required, "description": maybe(text), "archived": maybe(boolean)}
)

# src/metabase/dashboards_rest/api.clj: POST "/", `DashUpdates`, `UpdatedDashboardCard`, `UpdatedDashboardTab`
_DASHBOARD_OPTIONAL = {
    "description": maybe(text),
    "parameters": maybe(list_of(PARAMETER)),
    "collection_id": maybe(positive),
    "collection_position": maybe(positive),
}
CREATE_DASHBOARD = shape(_DASHBOARD_OPTIONAL, name=non_blank)
DASHCARD = shape(
    {
        "card_id": maybe(positive),
        "action_id": maybe(positive),
        "dashboard_tab_id": maybe(integer),
        "parameter_mappings": maybe(list_of(MAPPING)),
        "visualization_settings": maybe(mapping),
        "series": maybe(list_of(shape(id=positive))),
    },
    id=integer,
    size_x=positive,
    size_y=positive,
    row=natural,
    col=natural,
)
TAB = shape({"position": natural}, id=integer, name=non_blank)
UPDATE_DASHBOARD = shape(
    {
        **_DASHBOARD_OPTIONAL,
        "name": maybe(non_blank),
        "archived": maybe(boolean),
        "dashcards": maybe(list_of(DASHCARD)),
        "tabs": maybe(list_of(TAB)),
    }
)
