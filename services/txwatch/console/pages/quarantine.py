"""Quarantine: what was no transaction, why, and the raw bytes of the newest."""

from dataclasses import dataclass

import streamlit as st

from txwatch.console import figures, formats
from txwatch.console.markup import Card, cards, code_block, heading, notice
from txwatch.console.pages import frame
from txwatch.console.pages.frame import plot, put
from txwatch.console.queries import quarantine
from txwatch.postgres import Connection

SAMPLES = 8
SAMPLE_BYTES = 1_024


@dataclass(frozen=True)
class QuarantineView:
    """All that the page shows, of one moment."""

    held: list[quarantine.ReasonCount]
    resolved: int
    reason: str | None
    samples: list[quarantine.Sample]


def page() -> None:
    """Draw the page."""
    frame.header("Quarantine", "records that were no transactions")
    frame.live(lambda connection, _: _read(connection), _draw)


def _read(connection: Connection) -> QuarantineView:
    held = quarantine.held_by_reason(connection)
    reasons = [row.reason for row in held]
    wanted = st.session_state.get("reason")
    reason = wanted if wanted in reasons else next(iter(reasons), None)
    samples = quarantine.samples(connection, reason, SAMPLES, SAMPLE_BYTES) if reason else []
    return QuarantineView(held, quarantine.resolved(connection), reason, samples)


def _draw(view: QuarantineView) -> None:
    total = sum(row.records for row in view.held)
    put(
        cards(
            [
                Card("held", "Held", formats.count(total), "records, waiting for a fix and a replay"),
                Card("reasons", "Reasons", str(len(view.held)), "kinds of fault among them"),
                Card("resolved", "Replayed", formats.count(view.resolved), "records, after a fix"),
            ]
        )
    )
    if not view.held:
        put(notice("nothing-held", "Nothing is held", "Every record so far was a transaction."))
        return
    by_reason, sampled = st.columns([2, 3], gap="medium")
    with by_reason:
        put(heading("Held by reason", "records"))
        plot(figures.held_by_reason(view.held))
    with sampled:
        _draw_samples(view)


def _draw_samples(view: QuarantineView) -> None:
    put(heading("Newest records", f"first {SAMPLE_BYTES:,} bytes; what is not printable ASCII is escaped"))
    reasons = [row.reason for row in view.held]
    st.selectbox("Reason", reasons, key="reason", label_visibility="collapsed", format_func=formats.words)
    put(*(code_block(*describe(sample)) for sample in view.samples))


def describe(sample: quarantine.Sample) -> tuple[str, str]:
    """Put a held record into text: its bytes, and where it lies and what is wrong with it."""
    shown = bytes(sample.raw) if sample.raw is not None else b""
    left_out = (sample.length or 0) - len(shown)
    raw = formats.raw_bytes(shown) or ("(no value: a tombstone)" if sample.raw is None else "(no bytes)")
    place = f"{sample.topic}/{sample.partition} at offset {sample.offset:,}"
    fault = ", ".join(part for part in (sample.field, sample.detail) if part)
    note = f"{place}, appended {formats.moment(sample.appended_at)} UTC"
    more = f" … and {left_out:,} bytes more" if left_out > 0 else ""
    return raw + more, f"{note}: {fault}" if fault else note
