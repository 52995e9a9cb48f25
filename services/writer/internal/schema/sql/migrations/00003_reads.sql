-- +goose Up
-- Chain indexes that are there get what new ones have: reads beside the events,
-- and the children of factories.

-- +goose statementbegin
do $$
declare
    ix text;
begin
    for ix in select nspname from pg_namespace where nspname ~ '^ix_' loop
        execute format('alter table %I.events add column if not exists reads jsonb', ix);
        execute format('alter table %I.orphaned_events add column if not exists reads jsonb', ix);
        execute format('create table if not exists %I.children (
            network      text not null,
            contract     text not null,
            address      bytea not null,
            block_number bigint not null,
            log_index    integer not null,
            primary key (network, contract, address)
        )', ix);
        execute format('create index if not exists children_block on %I.children (network, block_number)', ix);
        execute format('grant select on %I.children to fondaco_reader', ix);
    end loop;
end
$$;
-- +goose statementend
