-- +goose Up
-- Chain indexes that are there get what lists by time, transactions and the
-- orphaned past are read by.

-- +goose statementbegin
do $$
declare
    ix text;
begin
    for ix in select nspname from pg_namespace where nspname ~ '^ix_' loop
        execute format('create index if not exists blocks_time on %I.blocks (network, time, number)', ix);
        execute format('create index if not exists events_tx on %I.events using hash (tx_hash)', ix);
        execute format('create index if not exists orphaned_blocks_number on %I.orphaned_blocks (network, number, revert_pos)', ix);
        execute format('create index if not exists orphaned_events_block on %I.orphaned_events (network, block_number, log_index, revert_pos)', ix);
        execute format('create index if not exists orphaned_events_tx on %I.orphaned_events (network, tx_hash)', ix);
        execute format('create index if not exists casper_blocks_time on %I.casper_blocks (network, timestamp_ms)', ix);
    end loop;
end
$$;
-- +goose statementend
