-- Roles hold only what they use; their passwords are set by the migration runner, never here.
do $$
declare
    role_name text;
begin
    foreach role_name in array array['stream_writer', 'archiver', 'transformer', 'dashboard_reader', 'analyst'] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I login', role_name);
        end if;
    end loop;
end $$;

revoke all on schema public from public;

create schema core;
create schema ops;
create schema staging;
create schema marts;

grant usage on schema core, ops to stream_writer, transformer, dashboard_reader, analyst;
grant usage on schema ops to archiver;
grant all on schema staging, marts to transformer;
grant usage on schema marts to dashboard_reader, analyst;
