"""What is decided before anything is started: ports, passwords, configurations, jars."""

import socket
import threading
from pathlib import Path

import pytest

from txwatch.embedded import jars, java, ports
from txwatch.embedded.kafka import Kafka, server_properties
from txwatch.embedded.ports import HOST, choose_port, free_port, is_free
from txwatch.embedded.postgres import Postgres
from txwatch.embedded.state import State
from txwatch.errors import UsageError
from txwatch.settings import load_settings


@pytest.fixture
def taken_port() -> int:  # type: ignore[misc]
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def _java(folder: Path, version: str) -> Path:
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(f"""#!/bin/sh\necho 'openjdk version "{version}" 2024-01-01' >&2\n""")
    executable.chmod(0o755)
    return folder


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_PATIENCE_SECONDS", 0.0)


@pytest.mark.usefixtures("_no_patience")
def test_a_port_that_is_asked_for_and_taken_is_refused(taken_port: int) -> None:
    with pytest.raises(UsageError, match=f"port {taken_port} is taken.*TXWATCH_EMBEDDED_KAFKA_PORT=0"):
        choose_port(taken_port, None, "kafka")


def test_the_port_of_the_last_run_is_used_again() -> None:
    port = free_port()
    assert choose_port(0, port, "kafka") == port


@pytest.mark.parametrize(("is_asked_for", "is_recorded"), [(True, False), (False, True)])
def test_a_port_is_waited_for_that_a_killed_server_still_holds(
    is_asked_for: bool,
    is_recorded: bool,
) -> None:
    server = socket.create_server((HOST, 0))
    port = server.getsockname()[1]
    threading.Timer(0.5, server.close).start()
    assert choose_port(port * is_asked_for, port * is_recorded, "kafka") == port


@pytest.mark.usefixtures("_no_patience")
def test_another_port_is_found_when_the_last_one_is_taken(taken_port: int) -> None:
    chosen = choose_port(0, taken_port, "kafka")
    assert chosen != taken_port
    assert is_free(chosen)


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < lowest_outgoing for _ in range(50))


def test_the_broker_listens_on_this_machine_only(tmp_path: Path) -> None:
    lines = server_properties("127.0.0.1:1111", "127.0.0.1:2222", tmp_path).splitlines()
    assert "listeners=PLAINTEXT://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222" in lines
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:1111" in lines
    assert f"log.dirs={tmp_path}" in lines
    assert "auto.create.topics.enable=false" in lines


def test_kafka_keeps_its_identity_and_its_address(tmp_path: Path) -> None:
    kafka, state = Kafka(load_settings(state_dir=tmp_path)), State()
    port = kafka.configure(state)
    first = state.model_copy(deep=True)
    assert kafka.configure(state) == port
    assert state == first
    assert state.settings["kafka_bootstrap_servers"] == f"127.0.0.1:{port}"


def test_every_role_gets_a_password_of_its_own_once(tmp_path: Path) -> None:
    postgres, state = Postgres(load_settings(state_dir=tmp_path)), State()
    postgres.configure(state)
    passwords = [value for name, value in state.settings.items() if name.endswith("_password")]
    passwords.append(state.private["postgres_password"])
    assert len(set(passwords)) == len(passwords) >= 7
    assert min(len(str(password)) for password in passwords) >= 32
    first = state.model_copy(deep=True)
    postgres.configure(state)
    assert state == first


def test_postgres_is_started_durable_on_this_machine_only(tmp_path: Path) -> None:
    postgres, state = Postgres(load_settings(state_dir=tmp_path)), State()
    postgres.configure(state)
    argv = [str(word) for word in postgres.command(state).argv]
    assert {"fsync=on", "synchronous_commit=on", "full_page_writes=on", "listen_addresses=127.0.0.1"} <= set(
        argv
    )
    assert not any(str(password) in argv for password in state.private.values())


@pytest.mark.parametrize(
    ("file_name", "artifact"),
    [
        ("netty-nio-client-2.29.52.jar", "netty-nio-client"),
        ("kafka_2.13-4.3.1.jar", "kafka_2.13"),
        ("wildfly-openssl-2.1.4.Final.jar", "wildfly-openssl"),
        ("slf4j-api-1.7.36.jar", "slf4j-api"),
        ("no-version.jar", "no-version.jar"),
    ],
)
def test_the_artifact_of_a_jar_is_its_name_without_the_version(file_name: str, artifact: str) -> None:
    assert jars.artifact(file_name) == artifact


def test_jars_that_spark_ships_in_another_version_are_left_out() -> None:
    resolved = [Path("slf4j-api-1.7.36.jar"), Path("netty-nio-client-2.29.52.jar"), Path("s3-2.29.52.jar")]
    shipped = [Path("slf4j-api-2.0.17.jar"), Path("netty-all-4.2.7.Final.jar")]
    assert jars.already_shipped(resolved, shipped) == [Path("slf4j-api-1.7.36.jar")]


def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, other = _java(tmp_path / "home", "21.0.2"), _java(tmp_path / "other", "17.0.1")
    monkeypatch.setenv("PATH", str(other / "bin"))
    assert java.find_java(load_settings(java_home=home)) == home / "bin" / "java"


def test_an_old_java_home_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, other = _java(tmp_path / "home", "1.8.0_292"), _java(tmp_path / "other", "17.0.1")
    monkeypatch.setenv("PATH", f"{other / 'bin'}:/usr/bin:/bin")
    assert java.find_java(load_settings(java_home=home)) == other / "bin" / "java"


def test_without_a_fitting_java_one_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = _java(tmp_path / "home", "11.0.22")
    monkeypatch.setenv("PATH", str(tmp_path))
    sentence = r"version 17 or later found \(.*/java is version 11\): install one .*JAVA_HOME"
    with pytest.raises(UsageError, match=sentence):
        java.find_java(load_settings(java_home=home))
