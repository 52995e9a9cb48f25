-- +goose Up

-- A unit is pending, failed(n), done or dead. Pending here is a dead one that
-- an operator wants applied after all; what lies behind the cursor has no row.
alter table ctl.dead_letters
    add column status     text not null default 'dead' check (status in ('pending', 'failed', 'dead', 'done')),
    add column attempts   integer not null default 1,
    add column next_try   timestamptz,
    add column last_error text,
    add column updated_at timestamptz not null default now();
create index dead_letters_open on ctl.dead_letters (build, partition, status) where status <> 'done';

-- What index.sql says of new builds, for those that are there.
-- +goose statementbegin
do $$
declare ix text;
begin
    for ix in select nspname from pg_namespace where nspname like 'ix\_%' loop
        execute format('drop index if exists %I.events_contract', ix);
        execute format('alter table %I.events alter block_hash set statistics 0, alter tx_hash set statistics 0, alter args set statistics 0,
            alter topics set statistics 0, alter data set statistics 0, alter decode_error set statistics 0', ix);
        execute format('create table if not exists %I.checks (
            network     text not null,
            from_number bigint not null,
            to_number   bigint not null,
            logs        bigint not null,
            digest      bytea not null,
            primary key (network, to_number))', ix);
        execute format('grant select on %I.checks to fondaco_reader', ix);
    end loop;
end
$$;
-- +goose statementend
