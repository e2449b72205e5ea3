-- What became known about transactions after the fact: every label that told something new, in the order of
-- arrival, so that both "what is known" and "what was known when" can be asked, and incremental models can
-- read the state as of a ledger number exactly. Scoring's role reads none of it.
do $$
begin
    execute format('grant connect, temporary on database %I to label_writer', current_database());
end $$;
grant usage on schema core, ops to label_writer;

create table core.fact_chargeback (
    chargeback_id  bigint generated always as identity primary key,
    transaction_id uuid not null,
    known_at       timestamptz not null,
    label_seq      bigint not null,
    superseded_seq bigint,
    is_fraud       boolean not null,
    scenario       text,
    check (superseded_seq >= label_seq)
);
comment on table core.fact_chargeback is
    'labels as they arrived; a label may come before its transaction; the latest known_at is the current one';
comment on column core.fact_chargeback.label_seq is 'the batch that brought it: ops.label_ledger';
comment on column core.fact_chargeback.superseded_seq is
    'the batch that brought a later truth; its own batch, when it came too late to be the current one; null: current';
create index fact_chargeback_transaction on core.fact_chargeback (transaction_id, known_at);
create unique index fact_chargeback_current on core.fact_chargeback (transaction_id) where superseded_seq is null;
create index fact_chargeback_label on core.fact_chargeback using brin (label_seq) with (pages_per_range = 16);
create index fact_chargeback_superseded on core.fact_chargeback (superseded_seq) where superseded_seq is not null;

create table ops.label_ledger (
    label_seq     bigint generated always as identity primary key,
    query         text not null,
    epoch         bigint not null,
    offset_ranges jsonb not null,
    rows_in       bigint not null,
    first_labels  bigint not null,
    corrections   bigint not null,
    outdated      bigint not null,
    duplicates    bigint not null,
    quarantined   bigint not null,
    committed_at  timestamptz not null,
    check (rows_in = first_labels + corrections + outdated + duplicates + quarantined)
);
comment on column ops.label_ledger.offset_ranges is
    '[{"topic", "partition", "start", "end"}], end exclusive, each start the end of the range before';
comment on column ops.label_ledger.outdated is 'kept, but a later truth was known already';

create table ops.label_quarantine (
    topic           text not null,
    kafka_partition integer not null,
    kafka_offset    bigint not null,
    appended_at     timestamptz not null,
    key             bytea,
    raw             bytea,
    reason          text not null,
    detail          text,
    label_seq       bigint not null,
    quarantined_at  timestamptz not null default clock_timestamp(),
    primary key (topic, kafka_partition, kafka_offset)
);
comment on table ops.label_quarantine is 'records of the labels topic that are no label, and why';

grant select, insert, update (superseded_seq) on core.fact_chargeback to label_writer;
grant select, insert, update on ops.stream_query, ops.stream_offset to label_writer;
grant select, insert on ops.label_ledger, ops.label_quarantine to label_writer;
grant select on core.fact_chargeback, ops.label_ledger, ops.label_quarantine
    to transformer, dashboard_reader, analyst;
