"""What the double remembers, and how it says no."""

import uuid
from pathlib import Path
from typing import Any


class RefusalError(Exception):
    """An answer that is not 2xx, in one of the forms that Metabase's have."""

    def __init__(self, status: int, payload: Any = None, *, errors: dict[str, str] | None = None) -> None:
        super().__init__(payload or errors)
        self.status = status
        self.payload = payload if errors is None else {"errors": errors, "specific-errors": errors}


class State:
    """Everything that this Metabase holds."""

    def __init__(self, version: str, accepted: Path, starting: int) -> None:
        self.version, self.accepted, self.starting = version, accepted, starting
        self.forget()

    def forget(self) -> None:
        self.setup_token: str | None = str(uuid.uuid4())
        self.users: dict[str, str] = {}
        self.sessions: set[str] = set()
        self.rows: dict[str, dict[int, Any]] = {
            name: {} for name in ("database", "collection", "card", "dashboard")
        }
        self.trash = self.insert(
            "collection", {"name": "Trash", "type": "trash", "location": "/", "description": None}
        )
        self._dashcards = 0

    def insert(self, model: str, row: dict[str, Any]) -> int:
        number = len(self.rows[model]) + 1
        self.rows[model][number] = {"id": number, "archived": False, "entity_id": uuid.uuid4().hex[:21]} | row
        return number

    def next_part(self) -> int:
        self._dashcards += 1
        return self._dashcards

    def get(self, model: str, number: int) -> Any:
        """src/metabase/api/common.clj, `api/read-check`: what is not there is 404, `Not found.`"""
        if number not in self.rows[model]:
            raise RefusalError(404, "Not found.")
        return self.rows[model][number]

    def opens(self, details: Any) -> bool:
        return bool(details["password"] == self.accepted.read_text().strip())


def lies_in(state: State, row: Any) -> Any:
    """src/metabase/api/common.clj, `present-in-trash-if-archived-directly`."""
    return state.trash if row["archived_directly"] else row["collection_id"]


def update_item(row: Any, body: Any) -> None:
    """src/metabase/api/common.clj, `updates-with-archived-directly`: into the trash, or out of it."""
    if body.get("archived") is not None and body["archived"] != row["archived"]:
        row["archived_directly"] = body["archived"]
    row.update(body)
