-- stream_writer: appends, and reads only what deciding needs (no names, no e-mail addresses, no amounts).
grant select (customer_id), insert (customer_id, is_inferred) on core.dim_customer to stream_writer;
grant select (merchant_id), insert (merchant_id, is_inferred) on core.dim_merchant to stream_writer;
grant insert, select (transaction_id) on core.fact_transaction to stream_writer;
grant insert on core.fact_alert to stream_writer;
grant select, insert, update on core.rollup_minute to stream_writer;
grant select, insert on ops.ruleset to stream_writer;
grant select, insert, update on ops.stream_query, ops.stream_offset to stream_writer;
grant select, insert, update on ops.stream_ledger to stream_writer;
grant select, insert, update (resolution, resolved_ledger_seq, resolved_at) on ops.quarantine to stream_writer;

grant select, insert, update (rows, bytes) on ops.archive_object to archiver;

-- Readers see everything but e-mail addresses, which no figure needs; a later table brings its own grants.
grant select on all tables in schema core, ops to transformer, dashboard_reader, analyst;
revoke select on core.dim_customer from transformer, dashboard_reader, analyst;
grant select (
    customer_id, name, home_country, home_latitude, home_longitude, currency, segment, is_inferred, updated_at
) on core.dim_customer to transformer, dashboard_reader, analyst;
