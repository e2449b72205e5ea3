"""What goes wrong before anything is made is told in one sentence with the way out."""

import socket
from typing import Any

import pytest
from metabase_process import ADMINISTRATOR, Double

from txwatch.dashboards.metabase import Metabase
from txwatch.dashboards.provisioner import Administrator, Provisioner
from txwatch.errors import TxwatchError, UnavailableError, UsageError


def told(provisioner: Provisioner, error: type[TxwatchError]) -> str:
    with pytest.raises(error) as caught:
        list(provisioner.apply())
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_wrong_password(double: Double) -> None:
    list(double.provisioner().apply())
    wrong = Administrator(ADMINISTRATOR.email, "not it 1")
    sentence = told(double.provisioner(administrator=wrong), UsageError)
    assert "TXWATCH_METABASE_ADMIN_PASSWORD" in sentence
    assert "not it 1" not in sentence


def test_a_password_that_metabase_finds_too_weak(double: Double) -> None:
    weak = Administrator(ADMINISTRATOR.email, "short")
    assert "refused the first administrator" in told(double.provisioner(administrator=weak), UsageError)
    list(double.provisioner().apply())
    assert double.provisioner().plan() == []


def test_an_older_version(start_double: Any) -> None:
    assert "v0.56.3 is too old" in told(start_double("--version", "v0.56.3").provisioner(), UsageError)


def test_a_paid_edition_of_the_same_age_is_not_older(start_double: Any) -> None:
    assert start_double("--version", "v1.65.1").provisioner().plan()


def test_a_metabase_that_is_still_starting_is_waited_for(start_double: Any) -> None:
    assert start_double("--starting", "3").provisioner().plan()


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        provisioner = Provisioner(Metabase(url), ADMINISTRATOR, {}, "", wait_seconds=0)
        assert "start it, or set TXWATCH_METABASE_URL" in told(provisioner, UnavailableError)
