"""What a batch of labels adds to what is known, whatever their order and however often each comes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from txwatch.stream.labels.inspection import Label


@dataclass(frozen=True)
class Kept:
    """A label that the warehouse holds."""

    chargeback_id: int
    label: Label
    is_current: bool


@dataclass
class Addition:
    """A label that tells something new."""

    label: Label
    is_current: bool
    """False: a later truth was known already, or came in the same batch."""


@dataclass
class Additions:
    """What a batch comes to."""

    entries: list[Addition] = field(default_factory=list)
    """In the order of arrival."""
    superseded: list[int] = field(default_factory=list)
    """chargeback_id of what the warehouse holds and a label of this batch replaces."""
    first_labels: int = 0
    corrections: int = 0
    outdated: int = 0
    duplicates: int = 0


@dataclass
class _Past:
    """What is known of one transaction."""

    seen: set[Label]
    current: Kept | Addition | None


def additions(labels: Iterable[Label], kept: Mapping[str, Sequence[Kept]]) -> Additions:
    """Say what each label adds: the one with the latest `known_at` is the current one, of equals the last.

    Args:
        labels: in the order of arrival.
        kept: by transaction_id, all labels that the warehouse holds of the transactions that are spoken of.
    """
    result = Additions()
    pasts: dict[str, _Past] = {}
    for label in labels:
        past = pasts.get(label.transaction_id)
        if past is None:
            past = pasts[label.transaction_id] = _past(kept.get(label.transaction_id, ()))
        _add(result, past, label)
    return result


def _past(kept: Sequence[Kept]) -> _Past:
    return _Past({each.label for each in kept}, next((each for each in kept if each.is_current), None))


def _add(result: Additions, past: _Past, label: Label) -> None:
    if label in past.seen:
        result.duplicates += 1
        return
    past.seen.add(label)
    is_outdated = past.current is not None and label.known_at < past.current.label.known_at
    entry = Addition(label, is_current=not is_outdated)
    result.entries.append(entry)
    if is_outdated:
        result.outdated += 1
        return
    if past.current is None:
        result.first_labels += 1
    else:
        result.corrections += 1
        _supersede(result, past.current)
    past.current = entry


def _supersede(result: Additions, current: Kept | Addition) -> None:
    if isinstance(current, Kept):
        result.superseded.append(current.chargeback_id)
    else:
        current.is_current = False
