"""`txwatch dashboards plan | apply | check`: wiring only."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from txwatch.errors import TxwatchError
from txwatch.settings import Settings, load_settings

if TYPE_CHECKING:
    from txwatch.dashboards.planning import Change
    from txwatch.dashboards.provisioner import Provisioner

dashboards = typer.Typer(
    no_args_is_help=True, help="Dashboards as code: bring Metabase to what the definitions say."
)
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line, for programs.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for a Metabase that is starting.")]


@dashboards.command("plan")
def plan_changes(as_json: Json = False, wait: Wait = 10) -> None:
    """Say what `apply` would change, and change nothing. Exit code 1 when there is something to change."""
    changes = _provisioner(load_settings(), wait).plan()
    for change in changes:
        _tell_change(as_json, change)
    _tell(as_json, f"{len(changes)} to change", to_change=len(changes))
    raise typer.Exit(1 if changes else 0)


@dashboards.command("apply")
def apply_changes(as_json: Json = False, wait: Wait = 180) -> None:
    """Make Metabase what the definitions say; run again, it changes nothing."""
    made = 0
    for change in _provisioner(load_settings(), wait).apply():
        _tell_change(as_json, change)
        made += 1
    _tell(as_json, f"{made} changed", changed=made)


@dashboards.command()
def check(
    metabase: Annotated[
        bool, typer.Option("--metabase", help="Compare our calls with a live Metabase's own description.")
    ] = False,
) -> None:
    """Check that every card is well defined and can be asked in the warehouse (or, that Metabase fits)."""
    failures, checked = _against_metabase() if metabase else _against_warehouse()
    for sentence in failures:
        typer.echo(sentence, err=True)
    if failures:
        raise TxwatchError(f"{len(failures)} of {checked} do not fit")
    typer.echo(f"{checked} fit")


def _against_warehouse() -> tuple[list[str], str]:
    from txwatch.dashboards.answers import unanswerable
    from txwatch.dashboards.definitions import load_cards
    from txwatch.postgres import connect

    cards = load_cards()
    connection = connect(load_settings().postgres("dashboard_reader"))
    try:
        return unanswerable(connection, cards), f"{len(cards)} cards"
    finally:
        connection.close()


def _against_metabase() -> tuple[list[str], str]:
    from txwatch.dashboards.conformance import differences
    from txwatch.dashboards.metabase import CALLS, Metabase

    spec = Metabase(load_settings().require("metabase_url")).openapi()
    return differences(spec), f"{len(CALLS)} calls"


def _provisioner(settings: Settings, wait_seconds: float) -> "Provisioner":
    from txwatch.dashboards.definitions import load_cards
    from txwatch.dashboards.desired import desired_state
    from txwatch.dashboards.metabase import Metabase
    from txwatch.dashboards.provisioner import Administrator, Provisioner

    warehouse = settings.postgres("dashboard_reader")
    administrator = Administrator(
        settings.require("metabase_admin_email"), settings.require("metabase_admin_password")
    )
    metabase = Metabase(settings.require("metabase_url"))
    desired = desired_state(load_cards(), warehouse)
    return Provisioner(metabase, administrator, desired, warehouse["password"], wait_seconds)


def _tell_change(as_json: bool, change: "Change") -> None:
    kind, name = change.key
    _tell(as_json, str(change), action=change.action, kind=kind, id=name, fields=change.fields)


def _tell(as_json: bool, sentence: str, **fields: object) -> None:
    typer.echo(json.dumps(fields) if as_json else sentence)
