import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from oracle.anything import TEXT, refusal
from txwatch.errors import SettingError
from txwatch.settings import PREFIX, Settings, load_settings

REPOSITORY = Path(__file__).resolve().parents[2]


def _state_file(folder: Path, settings: dict[str, object]) -> None:
    (folder / "state.json").write_text(json.dumps({"settings": settings}))


def test_the_readme_and_the_example_show_every_setting_as_it_is() -> None:
    script = REPOSITORY / "scripts" / "document-settings.py"
    answer = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (0, "")


def test_what_up_wrote_is_found_by_every_command(tmp_path: Path) -> None:
    _state_file(tmp_path, {"kafka_bootstrap_servers": "127.0.0.1:19092", "analyst_password": "s"})
    settings = load_settings(state_dir=tmp_path)
    assert settings.kafka_client() == {"bootstrap.servers": "127.0.0.1:19092"}
    assert settings.require("analyst_password") == "s"


def test_the_environment_outranks_the_state_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _state_file(tmp_path, {"kafka_bootstrap_servers": "127.0.0.1:19092"})
    monkeypatch.setenv("TXWATCH_KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    assert load_settings(state_dir=tmp_path).kafka_bootstrap_servers == "broker:9092"


def test_the_state_folder_may_itself_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _state_file(tmp_path, {"postgres_host": "127.0.0.1"})
    monkeypatch.setenv("TXWATCH_STATE_DIR", str(tmp_path))
    assert load_settings().postgres_host == "127.0.0.1"


def test_a_wrong_value_is_one_sentence_with_the_variable_and_the_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TXWATCH_KAFKA_PARTITIONS", "none")
    with pytest.raises(SettingError, match=r"^TXWATCH_KAFKA_PARTITIONS: .*integer.*'none'"):
        load_settings()


def test_a_missing_value_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"TXWATCH_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 is not set"):
        load_settings(state_dir=tmp_path).kafka_client()


def test_a_damaged_state_file_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"settings"')
    with pytest.raises(SettingError, match="`make clean`"):
        load_settings(state_dir=tmp_path)


def test_java_home_is_known_by_its_usual_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/opt/java")
    assert load_settings().java_home == Path("/opt/java")


def test_no_secret_is_shown_when_settings_are_printed(tmp_path: Path) -> None:
    _state_file(tmp_path, {"stream_writer_password": "hush-hush", "s3_secret_key": "hush-hush"})
    assert "hush-hush" not in repr(load_settings(state_dir=tmp_path))


@how(max_examples=400, derandomize=True, database=None)
@given(st.sampled_from(sorted(Settings.model_fields)), TEXT)
def test_any_text_is_taken_or_refused_in_a_sentence_that_names_its_variable(name: str, value: str) -> None:
    variable = (Settings.model_fields[name].validation_alias or f"{PREFIX}{name}").upper()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(variable, value)
        assert_names(refusal(load_settings), f"{variable}: ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose files every example writes anew."""
    return tmp_path_factory.mktemp("settings")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_NAMED = st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), _VALUES, max_size=2)


@how(max_examples=150, derandomize=True, database=None)
@given(
    st.binary(max_size=60)
    | (_VALUES | (_VALUES | _NAMED).map(lambda values: {"settings": values})).map(
        lambda document: json.dumps(document).encode()
    )
)
def test_any_state_file_is_taken_or_refused_in_a_sentence(folder: Path, content: bytes) -> None:
    (folder / "state.json").write_bytes(content)
    assert_names(refusal(lambda: load_settings(state_dir=folder)), "the state file is damaged (", PREFIX)


@how(max_examples=100, derandomize=True, database=None)
@given(st.sampled_from(sorted(Settings.model_fields)), st.binary(max_size=60))
def test_any_dotenv_file_is_taken_or_refused_in_a_sentence(folder: Path, name: str, value: bytes) -> None:
    (folder / "dotenv").write_bytes(f"{PREFIX}{name.upper()}=".encode() + value)
    assert_names(
        refusal(lambda: load_settings(_env_file=folder / "dotenv")), ".env is not UTF-8 text", PREFIX
    )


def assert_names(sentence: str | None, *beginnings: str) -> None:
    """Check of a refusal, where there is one, that it says of what it is, on one short line."""
    if sentence is not None:
        assert sentence.startswith(beginnings)
        assert sentence.isprintable()
        assert len(sentence) < 500
