"""One Kafka node in KRaft mode: broker and controller in one JVM."""

import base64
import subprocess
import time
import uuid
from pathlib import Path

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from txwatch.embedded import jars, java
from txwatch.embedded.ports import HOST, choose_port
from txwatch.embedded.processes import Command
from txwatch.embedded.state import State
from txwatch.errors import TxwatchError, UnavailableError
from txwatch.settings import Settings

_ANSWER_SECONDS = 5
_TOPIC_SECONDS = 30
_POLL_SECONDS = 0.1
_JVM_OPTIONS = ("-Xms128m", "-Xmx384m", "-XX:+UseG1GC", "-XX:MaxDirectMemorySize=64m", "-Xss512k")

_LOG4J = """\
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
"""


class Kafka:
    """Keeps its data in `<state_dir>/kafka`; the broker's port is chosen once and kept."""

    name = "kafka"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.state_dir.resolve() / "kafka"

    def configure(self, state: State) -> int:
        """Choose the ports of broker and controller, and the cluster's id."""
        recorded = int(str(state.settings.get("kafka_bootstrap_servers", ":0")).rpartition(":")[2])
        port = choose_port(self._settings.embedded_kafka_port, recorded, self.name)
        state.settings["kafka_bootstrap_servers"] = f"{HOST}:{port}"
        controller = choose_port(0, int(state.private.get("kafka_controller_port", 0)), self.name)
        state.private["kafka_controller_port"] = controller
        state.private.setdefault("kafka_cluster_id", _new_cluster_id())
        return port

    def prepare(self, state: State) -> None:
        """Write the configuration, and format the data folder the first time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        properties = self._folder / "server.properties"
        properties.write_text(
            server_properties(
                str(state.settings["kafka_bootstrap_servers"]),
                f"{HOST}:{state.private['kafka_controller_port']}",
                self._folder / "data",
            )
        )
        (self._folder / "log4j2.properties").write_text(_LOG4J)
        if not (self._folder / "data" / "meta.properties").exists():
            cluster = str(state.private["kafka_cluster_id"])
            arguments = ["format", "--cluster-id", cluster, "--config", str(properties)]
            formatting = self._java("kafka.tools.StorageTool", *arguments)
            answer = subprocess.run(formatting, capture_output=True, text=True, check=False)
            if answer.returncode != 0:
                raise TxwatchError(f"Kafka's data folder cannot be formatted: {answer.stderr.strip()}")

    def command(self, state: State) -> Command:  # noqa: ARG002
        """Start the node from the configuration that `prepare` wrote."""
        return Command(self._java("kafka.Kafka", str(self._folder / "server.properties")))

    def is_ready(self, state: State) -> bool:
        """Ask every partition for its end: a broker that has just started does not lead all of them yet."""
        try:
            return _leads_all_partitions(_admin(state))
        except KafkaException:
            return False

    def complete(self, state: State) -> None:
        """Make the topics that are not there yet, and wait until they serve."""
        admin = _admin(state)
        present = admin.list_topics(timeout=_ANSWER_SECONDS).topics
        # Append time, because no producer can forge it and latency counts from it.
        config = {"message.timestamp.type": "LogAppendTime"}
        missing = [
            NewTopic(topic, self._settings.kafka_partitions, 1, config=config)
            for topic in (self._settings.kafka_transactions_topic, self._settings.kafka_labels_topic)
            if topic not in present
        ]
        if missing:
            for future in admin.create_topics(missing).values():
                future.result(_TOPIC_SECONDS)
            self._wait_until_ready(state)

    def _wait_until_ready(self, state: State) -> None:
        deadline = time.monotonic() + _TOPIC_SECONDS
        while not self.is_ready(state):
            if time.monotonic() > deadline:
                raise UnavailableError("Kafka made the topics but does not serve them: see its log")
            time.sleep(_POLL_SECONDS)

    def kill_strays(self) -> None:
        """All of it bears the mark."""

    def remove_data(self) -> None:
        """Everything lies in the state folder."""

    def _java(self, main_class: str, *arguments: str) -> list[str]:
        executable = java.find_java(self._settings)
        classpath = jars.resolve("kafka", self._settings) / "*"
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        return [str(executable), *_JVM_OPTIONS, logging, "-cp", str(classpath), main_class, *arguments]


def server_properties(broker: str, controller: str, data: Path) -> str:
    """Return a broker's configuration: small, for one node, durable over a killed process.

    Args:
        broker: `host:port` for clients.
        controller: `host:port` of the controller's listener.
        data: folder of the log segments.
    """
    properties = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{controller}",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        # The archive goes with the object store's memory: it is written again from here.
        "log.retention.ms": -1,
        # One node holds the only replica of everything.
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        # Threads and buffers of a default broker are sized for a machine of its own.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 16 * 2**20,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def _new_cluster_id() -> str:
    while True:
        # As Kafka's own Uuid: URL-safe base64 that no option parser takes for an option.
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not cluster.startswith("-"):
            return cluster


def _leads_all_partitions(admin: AdminClient) -> bool:
    cluster = admin.list_topics(timeout=_ANSWER_SECONDS)
    ends: dict[TopicPartition, OffsetSpec] = {
        TopicPartition(name, partition): OffsetSpec.latest()
        for name, topic in cluster.topics.items()
        if not name.startswith("__")
        for partition in topic.partitions
    }
    if ends:
        answers = admin.list_offsets(
            ends, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_ANSWER_SECONDS
        )
        for future in answers.values():
            future.result(_ANSWER_SECONDS + 1)
    return bool(cluster.brokers)


def _admin(state: State) -> AdminClient:
    # Its log would say on our terminal that the broker is not up yet.
    return AdminClient({"bootstrap.servers": state.settings["kafka_bootstrap_servers"], "log_level": 0})
