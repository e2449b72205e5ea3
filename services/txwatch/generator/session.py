"""A run against Kafka, begun or gone on with: the pieces put together."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import structlog

from txwatch.errors import UnavailableError, UsageError
from txwatch.generator.pacing import Pacing
from txwatch.generator.progress import Offsets, Progress, ProgressFile
from txwatch.generator.resume import first_missing
from txwatch.generator.run import Run, Standing
from txwatch.generator.source import Source
from txwatch.generator.target import KafkaTarget
from txwatch.generator.topic import Topic
from txwatch.settings import Settings

log = structlog.get_logger()


def kafka_run(
    settings: Settings, source: Source, file: ProgressFile, rate: float, watch: Callable[[Standing], Any]
) -> Run:
    """Prepare a run that begins, or goes on, where its file says.

    Raises:
        UnavailableError: Kafka does not answer, or the topics are not there.
        UsageError: the file belongs to a run with other parameters, or the topic has lost records.
    """
    transactions = Topic(settings, settings.kafka_transactions_topic)
    labels = Topic(settings, settings.kafka_labels_topic)
    with closing(transactions), closing(labels):
        progress = _begin_or_load(source, file, transactions, labels)
        _require_nothing_lost(progress.transaction_ends, transactions, file.run)
        _require_nothing_lost(progress.label_ends, labels, file.run)
        tail = transactions.read_from(progress.transaction_ends)
        label_tail = labels.read_from(progress.label_ends)
        present_before = first_missing(source, progress.acknowledged, tail, transactions.partitions)
        present_labels = {each.key for stored in label_tail.values() for each in stored if each.key}
        partition_count = transactions.partitions
    target = KafkaTarget(settings, partition_count, present_before, present_labels)
    return Run(source, target, progress, Pacing(rate), save=_saver(settings, file), watch=watch)


def _begin_or_load(source: Source, file: ProgressFile, transactions: Topic, labels: Topic) -> Progress:
    parameters = {
        **source.parameters,
        "transactions_topic": transactions.name,
        "labels_topic": labels.name,
        "partitions": transactions.partitions,
    }
    progress = file.load_for(parameters)
    if progress is None:
        progress = Progress(parameters, transaction_ends=transactions.ends(), label_ends=labels.ends())
        file.save(progress)
    return progress


def _require_nothing_lost(known: Offsets, topic: Topic, run: str) -> None:
    ends = topic.ends()
    lost = sorted(partition for partition, end in known.items() if ends.get(partition, 0) < end)
    if lost:
        raise UsageError(
            f"topic {topic.name!r} holds fewer records than run {run!r} has put there (partition {lost[0]}: "
            f"{ends.get(lost[0], 0)} of {known[lost[0]]}): it was made anew; start the run over with --fresh"
        )


def _saver(settings: Settings, file: ProgressFile) -> Callable[[Progress], None]:
    """Return what writes the progress together with the topics' present ends.

    Where Kafka does not tell them, the older progress stays: it is as true, there is only more to read back.
    """
    transactions = Topic(settings, settings.kafka_transactions_topic)
    labels = Topic(settings, settings.kafka_labels_topic)

    def save(progress: Progress) -> None:
        try:
            transaction_ends, label_ends = transactions.ends(), labels.ends()
        except UnavailableError as error:
            log.warning("progress not written", reason=str(error))
        else:
            file.save(replace(progress, transaction_ends=transaction_ends, label_ends=label_ends))

    return save
