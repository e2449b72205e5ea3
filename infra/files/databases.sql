-- A database and its owner for each of Airflow and Metabase; safe to run again. Passwords come from the environment.
\getenv airflow_password AIRFLOW_PASSWORD
\getenv metabase_password METABASE_PASSWORD

select 'create role airflow login' where not exists (select from pg_roles where rolname = 'airflow') \gexec
select 'create role metabase login' where not exists (select from pg_roles where rolname = 'metabase') \gexec
alter role airflow password :'airflow_password';
alter role metabase password :'metabase_password';

select 'create database airflow owner airflow' where not exists (select from pg_database where datname = 'airflow') \gexec
select 'create database metabase owner metabase' where not exists (select from pg_database where datname = 'metabase') \gexec
revoke connect on database airflow, metabase from public;
