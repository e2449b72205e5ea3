"""Every setting of txwatch, and the only code that reads the environment.

A value is taken from, in this order: the environment (`TXWATCH_<NAME>`), a `.env` file in the working folder,
the state file that `txwatch up` writes (addresses and generated passwords), the default below.
"""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from txwatch.errors import SettingError
from txwatch.events import CURRENCIES

PREFIX = "TXWATCH_"
SERVICES_DIR = Path(__file__).resolve().parents[1]
"""The folder that holds this package beside rules/, warehouse/ and jars/."""

Role = Literal[
    "warehouse_owner",
    "stream_writer",
    "label_writer",
    "archiver",
    "transformer",
    "reconciler",
    "dashboard_reader",
    "analyst",
    "operator",
]


Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""As many as Java's and Postgres' integers hold."""
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]
"""A year at most; timers and times hold it."""
Hours = Annotated[float, Field(gt=0, le=8_760)]

_TOPIC_NAME = r"^[a-zA-Z0-9._-]{1,249}$"
"""As Kafka has it."""


def _state_settings(state_dir: Path) -> dict[str, Any]:
    """Return the `settings` object of a folder's state file; empty where there is none.

    Raises:
        SettingError: the folder or the file cannot be read, or holds something else.
    """
    path = state_dir / "state.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["settings"] if path.is_file() else {}
    except OSError as error:
        raise SettingError(
            f"{PREFIX}STATE_DIR: {error.strerror} (got {_shown(str(state_dir))}): name a folder of yours"
        ) from None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise SettingError(f"the state file is damaged ({error}): `make clean` starts over") from None
    if not isinstance(values, dict):
        raise SettingError("the state file is damaged (no settings in it): `make clean` starts over")
    return values


class StateFileSource(PydanticBaseSettingsSource):
    """Reads the `settings` object of the state file that the embedded runtime keeps."""

    def __init__(self, settings_cls: type[BaseSettings], state_dir: Path) -> None:
        super().__init__(settings_cls)
        self._values = _state_settings(state_dir)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return one field's value, its key, and whether it still needs decoding (never)."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return all the values that the state file holds."""
        return self._values


SOON_BUT_SLOWER = "-XX:TieredStopAtLevel=1"
"""A JVM without its optimising compiler: for a Spark that lives for minutes (a demo, a test)."""


class Settings(BaseSettings):
    """All settings, typed and checked. Grouped by the system that they speak of."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    state_dir: Path = Field(Path(".txwatch"), description="folder for data, logs and the state file")
    cache_dir: Path = Field(
        Path("~/.cache/txwatch"),
        description="folder for fetched jars, shared by all copies of this repository",
    )
    java_home: Path | None = Field(
        None,
        validation_alias="java_home",  # the name that all of Java's world knows, without our prefix
        description="Java runtime, version 17 or later; unset: the one on the PATH",
        examples=["/usr/lib/jvm/java-17-openjdk-amd64"],
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe log line that is written"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto: console on a terminal, JSON elsewhere"
    )

    kafka_bootstrap_servers: str | None = Field(
        None, description="brokers", examples=["127.0.0.1:9092"], pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$"
    )
    kafka_transactions_topic: str = Field(
        "transactions", pattern=_TOPIC_NAME, description="topic of the events"
    )
    kafka_labels_topic: str = Field(
        "fraud.labels", pattern=_TOPIC_NAME, description="topic of the ground truth"
    )
    kafka_partitions: Count = Field(4, description="partitions of a topic when it is made")
    kafka_delivery_timeout_seconds: Seconds = Field(
        120.0, description="how long the generator tries to deliver a record before it gives up"
    )
    kafka_replication_factor: Count = Field(1, description="replicas of a topic when it is made")

    postgres_host: str | None = Field(None, description="warehouse server", examples=["127.0.0.1"])
    postgres_port: int = Field(5432, ge=1, le=65535, description="warehouse server's port")
    postgres_database: str = Field("warehouse", description="warehouse database")
    postgres_admin_user: str = Field("postgres", description="superuser, who makes roles and databases")
    postgres_admin_password: SecretStr | None = Field(None, description="password of the superuser")
    warehouse_owner_password: SecretStr | None = Field(
        None, description="password of the role that owns and migrates the schema"
    )
    stream_writer_password: SecretStr | None = Field(None, description="password of the stream's role")
    label_writer_password: SecretStr | None = Field(None, description="password of the fraud labels' role")
    archiver_password: SecretStr | None = Field(None, description="password of the archive's role")
    transformer_password: SecretStr | None = Field(None, description="password of dbt's role")
    reconciler_password: SecretStr | None = Field(
        None, description="password of the role that records what `txwatch verify` found"
    )
    dashboard_reader_password: SecretStr | None = Field(None, description="password of the dashboards' role")
    analyst_password: SecretStr | None = Field(None, description="password of the analysts' role")
    operator_password: SecretStr | None = Field(
        None, description="password of the role that maintains the warehouse and records incidents"
    )

    s3_endpoint: str | None = Field(
        None,
        description="S3 endpoint; unset: AWS itself",
        examples=["http://127.0.0.1:4566"],
        pattern=r"^https?://\S+$",
    )
    s3_region: str = Field("us-east-1", description="S3 region")
    s3_bucket: str = Field(
        "txwatch",
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="bucket of checkpoints and raw archive",
    )
    s3_make_bucket: bool = Field(
        True, description="whether a missing bucket is made; false where Terraform owns it"
    )
    s3_access_key: str | None = Field(None, description="S3 access key; unset: the usual AWS chain")
    s3_secret_key: SecretStr | None = Field(None, description="S3 secret key; unset: the usual AWS chain")

    embedded_kafka_port: int = Field(
        0, ge=0, le=65535, description="broker's port under `txwatch up`; 0: a free one"
    )
    embedded_postgres_port: int = Field(
        0, ge=0, le=65535, description="Postgres' port under `txwatch up`; 0: a free one"
    )
    embedded_airflow_port: int = Field(
        0, ge=0, le=65535, description="Airflow's port under `make airflow`; 0: a free one"
    )
    embedded_s3_port: int = Field(
        0, ge=0, le=65535, description="S3's port under `txwatch up`; 0: a free one"
    )

    currencies: frozenset[str] = Field(
        CURRENCIES,
        description="accepted currencies (JSON list of ISO 4217 codes)",
        examples=['["EUR","USD"]'],
    )
    future_tolerance_seconds: float = Field(
        300.0,
        ge=0,
        le=31_536_000,
        description="how far after its Kafka append time an event may claim to have happened",
    )

    world_seed: int = Field(42, ge=0, description="seed of customers, merchants and transactions")
    world_customers: Count = Field(10_000, description="customers in the world")
    world_merchants: Count = Field(2_000, description="merchants in the world")

    stream_ruleset: Path = Field(
        SERVICES_DIR / "rules" / "default.yaml",
        description="ruleset to score with; default: services/rules/default.yaml",
    )
    stream_jars: Path | None = Field(
        None, description="folder with the jars of services/jars/spark.xml; unset: fetched with Ivy"
    )
    stream_trigger_seconds: float = Field(
        0.0, ge=0, le=31_536_000, description="least time between two micro-batches; 0: back to back"
    )
    stream_max_batch_rows: Count = Field(50_000, description="most records in one micro-batch")
    stream_sink_mode: Literal["driver", "executors"] = Field(
        "driver",
        description="who copies a batch's rows to Postgres: the driver, or each executor its share",
    )
    stream_checkpoint: Literal["s3", "local"] = Field("s3", description="where Spark keeps its checkpoint")
    stream_cores: Count = Field(2, description="cores of the local Spark session")
    stream_spark_master: str | None = Field(
        None,
        description="Spark cluster to submit to; unset: Spark runs inside the stream's own process",
        examples=["spark://spark-master:7077"],
        pattern=r"^spark://[^\s]+$",
    )
    stream_spark_secret: SecretStr | None = Field(
        None, description="secret that the cluster's processes authenticate with"
    )
    stream_executor_memory: str = Field(
        "512m", pattern=r"^\d+[mg]$", description="heap of an executor on the cluster"
    )
    stream_driver_memory: str = Field("704m", pattern=r"^\d+[mg]$", description="heap of the Spark JVM")
    stream_java_options: str = Field(
        "",
        description=f"more options of Spark's JVM; `{SOON_BUT_SLOWER}`: sooner there, but slower",
    )
    stream_retry_limit_seconds: Seconds = Field(
        300.0, description="how long an absent Kafka or Postgres is retried before the stream ends"
    )

    archive_max_rows: Count = Field(100_000, description="most records in one archive object")
    archive_interval_seconds: Seconds = Field(
        10.0, description="longest wait before what has arrived is archived"
    )

    transform_environment: Path = Field(
        Path(".txwatch/venv-dbt"), description="Python environment that holds dbt; made by `make dbt`"
    )
    transform_manifest: Path = Field(
        Path(".txwatch/airflow/manifest/manifest.json"),
        description="dbt's manifest, from which Airflow makes its tasks; written by each `make airflow`",
    )
    transform_threads: Count = Field(4, description="models that dbt builds at the same time")
    reporting_currency: str = Field(
        "EUR",
        pattern=r"^[A-Z]{3}$",
        description="every amount is also reported in it; after a change `txwatch transform --full-refresh`",
    )

    airflow_environment: Path = Field(
        Path(".txwatch/venv-airflow"), description="Python environment of Airflow; made by `make airflow`"
    )
    airflow_admin_password: SecretStr | None = Field(
        None, description="password of Airflow's user `admin`; generated by `make airflow`"
    )
    airflow_retries: int = Field(3, ge=0, le=1000, description="how often a failed task is tried again")
    airflow_retry_seconds: Seconds = Field(
        60.0, description="wait before the first retry of a task; doubled for each further one"
    )

    incident_webhook_url: SecretStr | None = Field(
        None,
        description="where incidents are sent as JSON, opened and resolved; unset: nowhere",
        examples=["https://hooks.example.org/txwatch"],
    )
    incident_late_hours: Hours = Field(
        26.0, description="hours without a success after which a daily pipeline is late"
    )

    maintenance_compact_after_hours: float = Field(
        24.0, ge=0, le=8_760, description="age from which small archive objects are merged"
    )

    metabase_url: str | None = Field(
        None, description="Metabase's address", examples=["http://127.0.0.1:3000"], pattern=r"^https?://\S+$"
    )
    metabase_admin_email: str | None = Field(
        None, description="Metabase's administrator; made on the first run", examples=["admin@example.org"]
    )
    metabase_admin_password: SecretStr | None = Field(
        None, description="password of Metabase's administrator"
    )

    console_port: int = Field(8501, ge=0, le=65535, description="console's port; 0: a free one")

    @field_validator("state_dir")
    @classmethod
    def _folder(cls, path: Path) -> Path:
        if path.exists() and not path.is_dir():
            raise ValueError("is no folder")
        return path

    @field_validator("currencies")
    @classmethod
    def _currency_codes(cls, codes: frozenset[str]) -> frozenset[str]:
        bad = sorted(code for code in codes if not (len(code) == 3 and code.isalpha() and code.isupper()))  # noqa: PLR2004
        if bad or not codes:
            raise ValueError(f"needs ISO 4217 codes of three capital letters, got {bad or 'none'}")
        return codes

    @classmethod
    def settings_customise_sources(  # noqa: D102
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        explicit = init_settings() | {}
        state_dir = (
            explicit.get("state_dir") or env_settings().get("state_dir") or dotenv_settings().get("state_dir")
        )
        state_file = StateFileSource(settings_cls, Path(state_dir or ".txwatch"))
        return init_settings, env_settings, dotenv_settings, state_file

    def require(self, name: str) -> Any:
        """Return the named setting's value (a secret's plain text).

        Raises:
            SettingError: it is not set.
        """
        value = getattr(self, name)
        if value is None:
            examples = type(self).model_fields[name].examples
            example = f"={examples[0]}" if examples else ""
            raise SettingError(
                f"{PREFIX}{name.upper()}{example} is not set: set it, or run `txwatch up` first"
            )
        return value.get_secret_value() if isinstance(value, SecretStr) else value

    def kafka_client(self) -> dict[str, str | int]:
        """Options that every librdkafka client of ours starts from."""
        return {"bootstrap.servers": self.require("kafka_bootstrap_servers")}

    def postgres_admin(self) -> dict[str, Any]:
        """Keyword arguments of `psycopg2.connect` for the superuser, in the server's own database."""
        return {
            "host": self.require("postgres_host"),
            "port": self.postgres_port,
            "dbname": "postgres",
            "user": self.postgres_admin_user,
            "password": self.require("postgres_admin_password"),
            "application_name": "txwatch admin",
            "connect_timeout": 10,
        }

    def postgres(self, role: Role) -> dict[str, Any]:
        """Keyword arguments of `psycopg2.connect` for one of the warehouse's roles."""
        return {
            "host": self.require("postgres_host"),
            "port": self.postgres_port,
            "dbname": self.postgres_database,
            "user": role,
            "password": self.require(f"{role}_password"),
            "application_name": f"txwatch {role}",
            "connect_timeout": 10,
        }

    def s3(self) -> dict[str, Any]:
        """Keyword arguments of `boto3.client("s3", ...)`."""
        return {
            "endpoint_url": self.s3_endpoint,
            "region_name": self.s3_region,
            "aws_access_key_id": self.s3_access_key,
            "aws_secret_access_key": self.s3_secret_key and self.s3_secret_key.get_secret_value(),
        }


_MOST_SHOWN = 100
_FIELD_IN_ERROR = re.compile(r'field "(\w+)"')


def _shown(value: object) -> str:
    """Return a value that was refused, as a sentence can hold it."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]} ..."


def _example(name: str) -> str:
    field = Settings.model_fields.get(name)
    return str(field.examples[0]) if field and field.examples else "[]"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings, `overrides` (command-line options; `None` means not given) first.

    Raises:
        SettingError: a value cannot be used; the sentence names the variable.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"][:1]).upper()
        raise SettingError(f"{name}: {first['msg']} (got {_shown(first['input'])})") from None
    except SettingsError as error:
        field = _FIELD_IN_ERROR.search(str(error))
        name = field.group(1) if field else "?"
        raise SettingError(f"{PREFIX}{name.upper()}: is not JSON, as {_example(name)} is") from None
    except UnicodeDecodeError as error:
        raise SettingError(f".env is not UTF-8 text ({error.reason}): save it as such") from None
