-- Where Spark's executors put their share of a micro-batch until the driver's transaction moves it. Nothing here
-- outlives a batch, so the tables are not logged: a crash empties them, which the driver's count of rows notices,
-- and the batch is read from Kafka again.
create unlogged table ops.stage_attempt (
    attempt_id     uuid not null primary key,
    query          text not null,
    epoch          bigint not null,
    batch_id       bigint not null,
    task           integer not null,
    attempt_number integer not null,
    facts          bigint not null,
    alerts         bigint not null,
    staged_at      timestamptz not null default clock_timestamp()
);
comment on table ops.stage_attempt is
    'one try of one task; the driver moves the tries that Spark reports, what others left is emptied with them';

create unlogged table ops.stage_fact (
    attempt_id      uuid not null,
    transaction_id  uuid not null,
    customer_id     uuid not null,
    merchant_id     uuid not null,
    occurred_at     timestamptz not null,
    latitude        double precision not null,
    longitude       double precision not null,
    kafka_offset    bigint not null,
    kafka_partition integer not null,
    is_foreign      boolean not null,
    is_fraud        boolean not null,
    amount          numeric(12, 2) not null,
    currency        text not null,
    country         text not null,
    payment_method  text not null,
    device_id       text not null,
    rules           text[] not null
);
comment on table ops.stage_fact is 'facts on their way; no index: every row of it is read';

create unlogged table ops.stage_alert (
    attempt_id      uuid not null,
    transaction_id  uuid not null,
    customer_id     uuid not null,
    occurred_at     timestamptz not null,
    kafka_offset    bigint not null,
    kafka_partition integer not null,
    severity        text not null,
    rules           text[] not null,
    evidence        jsonb not null
);
comment on table ops.stage_alert is 'alerts on their way, each beside its fact in ops.stage_fact';

grant insert, select, truncate on ops.stage_attempt, ops.stage_fact, ops.stage_alert to stream_writer;
