"""Where Postgres' time goes during a drain: its statistics of statements, and samples of what it waits for.

    python tests/bench/postgres_profile.py --system ours --system b2 --output RESULT.json

Statements are told by pg_stat_statements, and what the writer's backends are at by pg_stat_activity, every
few milliseconds; both are of one drain after a warm-up.
"""

import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from drain import Worker, warm_up
from results import write
from servers import Servers, running_servers

from txwatch.logs import configure_logs
from txwatch.postgres import connect

_SAMPLE_SECONDS = 0.01
_SHORTEST_US = 0.05
"""Statements that take less per row are not listed."""
_TEXT_LENGTH = 70
_STATEMENTS = f"""
select left(regexp_replace(replace(query, '"', ''), '\\s+', ' ', 'g'), {_TEXT_LENGTH}), sum(calls)::bigint,
    sum(total_exec_time)::float8, sum(wal_bytes)::float8
from pg_stat_statements join pg_roles on pg_roles.oid = userid
where rolname not in ('postgres', 'analyst')  -- the bench itself
group by 1 order by 3 desc
"""
_ACTIVITY = """
select case when state <> 'active' then state
    when wait_event is null then 'running' else wait_event_type || ': ' || wait_event end
from pg_stat_activity where datname = %s and backend_type = 'client backend' and usename <> 'postgres'
"""


class _Sampler:
    """Notes what every backend of a database is at, until it is closed."""

    def __init__(self, servers: Servers, database: str) -> None:
        self.seen: Counter[str] = Counter()
        self._ended = threading.Event()
        self._connection = connect(servers.runtime.superuser())
        self._connection.autocommit = True
        self._thread = threading.Thread(target=self._run, args=(database,))
        self._thread.start()

    def _run(self, database: str) -> None:
        with self._connection.cursor() as cursor:
            while not self._ended.wait(_SAMPLE_SECONDS):
                cursor.execute(_ACTIVITY, (database,))
                self.seen.update(state for (state,) in cursor.fetchall())

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._connection.close()


def main(
    *,
    rows: Annotated[int, typer.Option(help="Records in the topic.")] = 1_000_000,
    system: Annotated[list[str] | None, typer.Option(help="Of the bench; may be repeated.")] = None,
    batch_rows: Annotated[int, typer.Option(help="Most rows per micro-batch.")] = 50_000,
    warmup_seconds: Annotated[float, typer.Option(help="Least warm-up of each system.")] = 60.0,
    output: Annotated[Path | None, typer.Option(help="Write the JSON document here too.")] = None,
) -> None:
    """Profile one drain of each system."""
    configure_logs("warning")
    results = []
    with running_servers(stream_max_batch_rows=batch_rows) as servers:
        _keep_statistics(servers)
        servers.fill_topic(rows, event_rate=1000.0)
        for name in system or ["ours"]:
            with closing(Worker(name, servers, "s3")) as worker:
                warm_up(worker, rows, warmup_seconds)
                results.append(_profile(servers, worker, rows))
    write("postgres", {"rows": rows, "batch_rows": batch_rows}, results, output)


def _keep_statistics(servers: Servers) -> None:
    servers.as_superuser("alter system set shared_preload_libraries = 'pg_stat_statements'")
    servers.runtime.down()
    servers.runtime.up()
    servers.as_superuser("create extension pg_stat_statements")


def _profile(servers: Servers, worker: Worker, rows: int) -> dict[str, Any]:
    servers.as_superuser("select pg_stat_statements_reset()")
    with closing(_Sampler(servers, worker.database)) as sampler:
        drained = worker.drain(rows)
    seen = sampler.seen
    return {
        "system": worker.name,
        "rows": rows,
        "postgres_cpu_us_per_row": drained.cpu_us_per_row["postgres"],
        "statements": [
            {
                "statement": text,
                "calls": calls,
                "us_per_row": round(milliseconds * 1000 / rows, 2),
                "wal_bytes_per_row": round(wal / rows, 1),
            }
            for text, calls, milliseconds, wal in servers.as_superuser(_STATEMENTS)
            if milliseconds * 1000 / rows >= _SHORTEST_US
        ],
        "samples": {state: round(count / seen.total(), 3) for state, count in seen.most_common()},
    }


if __name__ == "__main__":
    typer.run(main)
