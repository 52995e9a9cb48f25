-- +goose Up
-- Chain indexes that are there get the repairs that feeds tell of. Those that
-- took rows away before have left these rows under a position that is no
-- revert's: whoever replays past it is told, too.

-- +goose statementbegin
do $$
declare
    ix text;
begin
    for ix in select nspname from pg_namespace where nspname ~ '^ix_' loop
        execute format('create table if not exists %I.repairs (
            network   text not null,
            pos       bigint not null,
            number    bigint not null,
            hash      bytea not null,
            log_count integer not null,
            removed   integer[] not null,
            primary key (network, pos)
        )', ix);
        execute format('grant select on %I.repairs to fondaco_reader', ix);
        execute format('
insert into %1$I.repairs (network, pos, number, hash, log_count, removed)
select o.network, o.revert_pos, o.block_number, o.block_hash,
    (select count(*) from %1$I.events e where e.network = o.network and e.block_number = o.block_number and e.block_hash = o.block_hash),
    array_agg(o.log_index order by o.log_index)
from %1$I.orphaned_events o
where o.revert_pos >= 0 and not exists (select from %1$I.reverts r where r.network = o.network and r.pos = o.revert_pos)
group by o.network, o.revert_pos, o.block_number, o.block_hash
on conflict do nothing', ix);
    end loop;
end
$$;
-- +goose statementend
