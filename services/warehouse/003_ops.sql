-- What the pipeline knows of itself. The ledger, not Spark's checkpoint, says what has been done.
create table ops.ruleset (
    ruleset_id    integer generated always as identity primary key,
    name          text not null,
    version       integer not null,
    hash          text not null,
    body          jsonb not null,
    registered_at timestamptz not null default now(),
    unique (name, version, hash)
);

create table ops.stream_query (
    query      text primary key,
    epoch      bigint not null,
    started_at timestamptz not null default now(),
    holder     text not null
);
comment on column ops.stream_query.epoch is 'the only start that may still write; a new start takes the next one';

create table ops.stream_offset (
    query           text not null,
    topic           text not null,
    kafka_partition integer not null,
    next_offset     bigint not null,
    primary key (query, topic, kafka_partition)
);

create table ops.stream_ledger (
    ledger_seq        bigint generated always as identity primary key,
    query             text not null,
    epoch             bigint not null,
    batch_id          bigint not null,
    offset_ranges     jsonb not null,
    rows_in           bigint not null,
    facts             bigint not null,
    alerts            bigint not null,
    quarantined       bigint not null,
    duplicates        bigint not null,
    appended_from     timestamptz,
    appended_to       timestamptz,
    latency_p50_ms    double precision,
    latency_p95_ms    double precision,
    latency_p99_ms    double precision,
    latency_max_ms    double precision,
    committed_at      timestamptz not null,
    unique (query, epoch, batch_id),
    check (rows_in = facts + quarantined + duplicates)
);
comment on column ops.stream_ledger.offset_ranges is
    '[{"topic", "partition", "start", "end"}], end exclusive, each start the end of the range before';
comment on column ops.stream_ledger.latency_p50_ms is 'Kafka append to commit, over the rows of the batch';
create index stream_ledger_committed on ops.stream_ledger (committed_at);

create table ops.quarantine (
    topic               text not null,
    kafka_partition     integer not null,
    kafka_offset        bigint not null,
    appended_at         timestamptz not null,
    key                 bytea,
    raw                 bytea,
    reason              text not null,
    field               text,
    detail              text,
    ledger_seq          bigint not null,
    quarantined_at      timestamptz not null default clock_timestamp(),
    resolution          text check (resolution in ('fact', 'duplicate')),
    resolved_ledger_seq bigint,
    resolved_at         timestamptz,
    primary key (topic, kafka_partition, kafka_offset),
    check ((resolution is null) = (resolved_at is null))
);
comment on column ops.quarantine.resolution is 'what a replay made of it; null while it is held';
create index quarantine_held on ops.quarantine (reason) where resolution is null;

create table ops.archive_object (
    topic           text not null,
    kafka_partition integer not null,
    start_offset    bigint not null,
    end_offset      bigint not null,
    key             text not null unique,
    rows            bigint not null,
    bytes           bigint not null,
    archived_at     timestamptz not null default clock_timestamp(),
    primary key (topic, kafka_partition, start_offset),
    check (end_offset > start_offset and rows between 1 and end_offset - start_offset)
);
comment on table ops.archive_object is 'raw records on S3, one object per partition and offset range, end exclusive';
