-- What went wrong in the daily pipelines, and the role that records it and maintains the warehouse.
do $$
begin
    execute format('grant connect on database %I to operator', current_database());
end $$;
grant usage on schema core, ops to operator;

create table ops.pipeline (
    pipeline     text primary key,
    known_since  timestamptz not null default clock_timestamp(),
    late_after   interval not null,
    succeeded_at timestamptz,
    run_id       text
);
comment on table ops.pipeline is 'pipelines that are watched, and when each last succeeded';
comment on column ops.pipeline.late_after is 'how long after its last success (or since it is known) it is late';
comment on column ops.pipeline.run_id is 'the run that succeeded last';

create table ops.pipeline_incident (
    incident_id   bigint generated always as identity primary key,
    pipeline      text not null,
    kind          text not null check (kind in ('failed', 'late')),
    task          text,
    run_id        text,
    detail        text not null,
    occurrences   integer not null default 1,
    opened_at     timestamptz not null default clock_timestamp(),
    last_seen_at  timestamptz not null default clock_timestamp(),
    notified_at   timestamptz,
    resolved_at   timestamptz,
    resolved_by   text,
    resolution_notified_at timestamptz,
    check (resolved_at >= opened_at)
);
comment on table ops.pipeline_incident is 'a failed task or a late run, from its first sign to the next success';
comment on column ops.pipeline_incident.task is 'the task that failed; null: the run as a whole';
comment on column ops.pipeline_incident.notified_at is 'when the webhook took it; null: not yet, or there is none';
comment on column ops.pipeline_incident.resolved_by is 'the run that succeeded';
-- One open incident for each thing that is wrong: failing again is counted, not repeated.
create unique index pipeline_incident_open
    on ops.pipeline_incident (pipeline, kind, coalesce(task, '')) where resolved_at is null;
create index pipeline_incident_opened on ops.pipeline_incident (opened_at);

grant select, insert, update on ops.pipeline to operator;
grant select, insert on ops.pipeline_incident to operator;
grant update (detail, run_id, occurrences, last_seen_at, notified_at, resolved_at, resolved_by, resolution_notified_at)
    on ops.pipeline_incident to operator;
grant select on ops.pipeline, ops.pipeline_incident to dashboard_reader, analyst;

-- Objects of the archive that the ledger does not name, and why they are there all the same: merged ones that
-- are being written, and those whose records a merged one has taken over. Nobody takes them for strays.
create table ops.archive_transit (
    key        text primary key,
    topic      text not null,
    state      text not null check (state in ('arriving', 'leaving')),
    since      timestamptz not null default clock_timestamp()
);
comment on table ops.archive_transit is
    'arriving: a merged object before the ledger names it; leaving: merged into another, still there for readers';
grant select, insert, update, delete on ops.archive_transit to operator;
grant select, insert, delete on ops.archive_object to operator;
grant select on ops.archive_transit to archiver, analyst;

-- Which start of the stream writes: older checkpoints may go.
grant select on ops.stream_query to operator;
-- Statistics: the planner's, not the rows.
grant maintain on all tables in schema core, ops to operator;
