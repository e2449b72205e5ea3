-- What `txwatch verify --record` found, one row per run and check. Its role may add runs and nothing else: it
-- reads neither them nor anything that it judges.
do $$
begin
    execute format('grant connect on database %I to reconciler', current_database());
end $$;
grant usage on schema ops to reconciler;

create table ops.reconciliation (
    run_id     uuid not null,
    ran_at     timestamptz not null,
    position   smallint not null,
    check_name text not null,
    expected   numeric not null,
    actual     numeric not null,
    ok         boolean not null,
    findings   text[] not null,
    way_out    text not null,
    note       text not null,
    primary key (run_id, position),
    unique (run_id, check_name)
);
comment on table ops.reconciliation is 'each check of each recorded `txwatch verify`';
comment on column ops.reconciliation.position is 'order on the balance sheet, from 1';
comment on column ops.reconciliation.findings is 'what differs, by name; empty where the check balances';
comment on column ops.reconciliation.note is 'what is behind or could not be compared, though it is no fault';
create index reconciliation_ran on ops.reconciliation (ran_at);

grant insert on ops.reconciliation to reconciler;
grant select on ops.reconciliation to transformer, dashboard_reader, analyst;

-- How far a build reads: verify compares it with how far the marts have come. The table's grant is dbt's.
grant usage on schema staging to analyst;
