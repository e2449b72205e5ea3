-- Who may enter the database, and where things live. The roles themselves belong to the server and carry
-- passwords: txwatch/warehouse/roles.py makes them before the first of these files is applied.
do $$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to stream_writer, archiver, transformer, dashboard_reader, analyst',
        current_database()
    );
    execute format('grant temporary on database %I to stream_writer, transformer', current_database());
    execute format('alter database %I set timezone to ''UTC''', current_database());
end $$;
revoke all on schema public from public;

create schema core;
create schema if not exists ops;  -- the migration runner keeps its own record there
create schema staging;
create schema marts;

grant usage on schema core, ops to stream_writer, transformer, dashboard_reader, analyst;
grant usage on schema ops to archiver;
grant all on schema staging, marts to transformer;
grant usage on schema marts to dashboard_reader, analyst;
