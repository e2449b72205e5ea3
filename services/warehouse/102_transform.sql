-- What dbt needs beside its schemas staging and marts: where failing rows and history go, and how far it may read.
create schema audit;
comment on schema audit is 'rows that failed a dbt test, one table per test';
create schema history;
comment on schema history is 'dbt snapshots: the dimensions as they were';
grant all on schema audit, history to transformer;
grant usage on schema audit, history to analyst;
grant usage on schema history to dashboard_reader;

create function ops.settled_horizon(out transaction_seq bigint, out label_seq bigint)
language plpgsql security definer set search_path = '' set lock_timeout = '60s'
as $$
begin
    -- Numbers commit out of order. A writer takes its number with the ledger locked, so once this lock is held
    -- no lower number can still appear; raising gives the lock back at once instead of at the caller's commit.
    lock table ops.stream_ledger, ops.label_ledger in share mode;
    select coalesce(max(l.ledger_seq), 0) into transaction_seq from ops.stream_ledger as l;
    select coalesce(max(l.label_seq), 0) into label_seq from ops.label_ledger as l;
    raise exception using errcode = 'TX001';
exception
    when sqlstate 'TX001' then null;
end $$;
comment on function ops.settled_horizon is
    'the highest ledger numbers below which everything is committed: models read up to them, and skip nothing';
revoke execute on function ops.settled_horizon from public;
grant execute on function ops.settled_horizon to transformer;
