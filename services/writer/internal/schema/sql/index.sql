-- The tables of one chain index. The writer creates the schema ix_<build> and
-- runs this with it as the search path, in one transaction.

create table networks (
    network   text primary key,
    kind      text not null,   -- evm, casper
    ordinal   integer not null, -- place in the config
    partition text not null,   -- CHAIN subject
    chain_id  bigint not null
);

create table blocks (
    network     text not null,
    number      bigint not null,
    hash        bytea not null,
    parent_hash bytea not null,
    time        bigint not null, -- Unix seconds
    tx_count    integer not null,
    log_count   integer not null,
    header      bytea not null,  -- RLP, empty where the chain's format is unknown
    pos         bigint not null,
    primary key (network, number)
);
create index blocks_hash on blocks (network, hash);
create index blocks_pos on blocks (network, pos);
create index blocks_time on blocks (network, time, number); -- a list from a time on begins at a height

-- The raw log beside its decoded arguments: a second build is filled from here.
create table events (
    network      text not null,
    block_number bigint not null,
    log_index    integer not null,
    block_hash   bytea not null,
    block_time   bigint not null,
    tx_hash      bytea not null,
    tx_index     integer not null,
    address      bytea not null,
    contract     text not null,  -- '' = no contract of the config matched
    event        text not null,  -- '' = not decoded
    args         jsonb,
    topics       bytea[] not null,
    data         bytea not null,
    decode_error text not null default '',
    pos          bigint not null,
    reads        jsonb,          -- eth_calls at the block's hash, by name
    primary key (network, block_number, log_index)
);
-- No plan needs to know how these are distributed, and analyze spent most of
-- its time on them: 4 us for each of the first 200,000 rows.
alter table events alter block_hash set statistics 0, alter tx_hash set statistics 0, alter args set statistics 0,
    alter topics set statistics 0, alter data set statistics 0, alter decode_error set statistics 0;
create index events_pos on events (network, pos);
create index events_address on events (network, address, block_number, log_index);
-- By hash: it is only asked for one transaction, and costs a row less than an ordered one.
create index events_tx on events using hash (tx_hash);

-- What a reorg removed: keys begin with the revert, so that a log that is mined
-- again never meets its older self.
create table orphaned_blocks (
    revert_pos  bigint not null,
    network     text not null,
    number      bigint not null,
    hash        bytea not null,
    parent_hash bytea not null,
    time        bigint not null,
    tx_count    integer not null,
    log_count   integer not null,
    header      bytea not null,
    pos         bigint not null,
    primary key (revert_pos, network, number)
);
create index orphaned_blocks_pos on orphaned_blocks (network, pos);
create index orphaned_blocks_number on orphaned_blocks (network, number, revert_pos);

create table orphaned_events (
    revert_pos   bigint not null,
    network      text not null,
    block_number bigint not null,
    log_index    integer not null,
    block_hash   bytea not null,
    block_time   bigint not null,
    tx_hash      bytea not null,
    tx_index     integer not null,
    address      bytea not null,
    contract     text not null,
    event        text not null,
    args         jsonb,
    topics       bytea[] not null,
    data         bytea not null,
    decode_error text not null default '',
    pos          bigint not null,
    reads        jsonb,
    primary key (revert_pos, network, block_number, log_index)
);
create index orphaned_events_pos on orphaned_events (network, pos);
create index orphaned_events_block on orphaned_events (network, block_number, log_index, revert_pos);
create index orphaned_events_tx on orphaned_events (network, tx_hash);

-- Contracts that a factory of the config has made: their logs count from the
-- log after the one that names them.
create table children (
    network      text not null,
    contract     text not null,  -- name in the config
    address      bytea not null,
    block_number bigint not null,
    log_index    integer not null,
    primary key (network, contract, address)
);
create index children_block on children (network, block_number);

create table reverts (
    network     text not null,
    pos         bigint not null,
    to_number   bigint not null,
    to_hash     bytea not null,
    from_number bigint not null,
    from_hash   bytea not null,
    primary key (network, pos)
);

-- Blocks whose rows a second look changed after they were told. What is new has
-- the positions behind this one; what was taken away lies in orphaned_events
-- under it.
create table repairs (
    network   text not null,
    pos       bigint not null,
    number    bigint not null,
    hash      bytea not null,
    log_count integer not null,   -- rows that the block has since
    removed   integer[] not null, -- log_index of what was taken away, ascending
    primary key (network, pos)
);

-- Heights covered without a block row of their own.
create table ranges (
    network     text not null,
    from_number bigint not null,
    to_number   bigint not null,
    to_hash     bytea not null,
    pos         bigint not null,
    primary key (network, from_number)
);

-- Final heights that were read twice, from different endpoints where there are
-- several, and agreed; as the event-handler said it.
create table checks (
    network     text not null,
    from_number bigint not null,
    to_number   bigint not null,
    logs        bigint not null,
    digest      bytea not null, -- chain.v1.Checked
    primary key (network, to_number)
);

-- Exact totals. A page of a list is found by adding buckets, never by OFFSET
-- over all rows.
--   blocks           scope ''            bucket = height / 1000
--   events           scope ''            bucket = height / 1000
--   account_deploys  scope = public key  bucket = day (Unix ms / 86400000)
create table counts (
    network text not null,
    kind    text not null,
    scope   text not null,
    bucket  bigint not null,
    n       bigint not null,
    primary key (network, kind, scope, bucket)
);

-- Counts of counts, of scope '' only: what 32 and 1,024 buckets add up to. A
-- total of 10,000 buckets is the sum of ten rows, and a page is found by
-- descending through some 32 of each width.
create table sums (
    network text not null,
    kind    text not null,
    width   bigint not null, -- buckets
    bucket  bigint not null, -- that of counts / width
    n       bigint not null,
    primary key (network, kind, width, bucket)
);

-- They follow counts by themselves, whoever changes it: a row that is put there,
-- moved or emptied by hand, or by a writer that knows nothing of them.
create function sum_counts() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op <> 'DELETE' then
        insert into sums as s (network, kind, width, bucket, n)
        select network, kind, width, bucket / width, sum(n) from came, (values (32), (1024)) as widths (width)
        where scope = '' group by 1, 2, 3, 4
        on conflict (network, kind, width, bucket) do update set n = s.n + excluded.n;
    end if;
    if tg_op <> 'INSERT' then
        insert into sums as s (network, kind, width, bucket, n)
        select network, kind, width, bucket / width, -sum(n) from went, (values (32), (1024)) as widths (width)
        where scope = '' group by 1, 2, 3, 4
        on conflict (network, kind, width, bucket) do update set n = s.n + excluded.n;
    end if;
    return null;
end
$$;
create trigger counts_insert after insert on counts referencing new table as came for each statement execute function sum_counts();
create trigger counts_update after update on counts referencing old table as went new table as came for each statement execute function sum_counts();
create trigger counts_delete after delete on counts referencing old table as went for each statement execute function sum_counts();

-- Every fact as the node sent it.
create table casper_facts (
    network     text not null,
    kind        text not null,
    key         text not null,
    raw         bytea not null,
    received_ms bigint not null,
    pos         bigint not null,
    primary key (network, kind, key)
);
create index casper_facts_pos on casper_facts (network, pos);

create table casper_blocks (
    network         text not null,
    hash            text not null, -- lower-case hex
    parent_hash     text not null,
    height          bigint not null,
    era_id          numeric not null,
    timestamp       text not null, -- as the node wrote it
    timestamp_ms    bigint not null,
    proposer        text not null,
    state_root_hash text not null,
    deploys         text[] not null, -- deploy hashes, then transfer hashes; 2.x: all lanes
    pos             bigint not null,
    primary key (network, hash)
);
create index casper_blocks_height on casper_blocks (network, height desc, hash);
create index casper_blocks_time on casper_blocks (network, timestamp_ms);

create table casper_deploys (
    network       text not null,
    hash          text not null,
    account       text not null,
    state         text not null check (state in ('accepted', 'processed', 'expired')),
    cost          numeric,
    error_message text,
    block_hash    text,
    timestamp     text not null,
    timestamp_ms  bigint not null,
    transfers     text[] not null,
    version       text not null, -- '' on 1.x; Deploy, Version1 on 2.x
    pos           bigint not null, -- of the fact that changed it last
    primary key (network, hash)
);
create index casper_deploys_account on casper_deploys (network, account, timestamp_ms desc, hash desc);

create table casper_transfers (
    network      text not null,
    deploy_hash  text not null,
    idx          integer not null,
    transfer     text not null, -- address of the transfer record, or ''
    from_account text not null, -- account hash, lower-case hex without prefix
    to_account   text,
    source       text not null,
    target       text not null,
    amount       numeric not null,
    gas          numeric not null,
    id           numeric,
    block_hash   text not null,
    timestamp    text not null,
    timestamp_ms bigint not null,
    pos          bigint not null,
    primary key (network, deploy_hash, idx)
);
create index casper_transfers_from on casper_transfers (network, from_account, timestamp_ms desc);
create index casper_transfers_to on casper_transfers (network, to_account, timestamp_ms desc);

-- Everyone who sent a deploy or took part in a transfer. Exact, whatever the
-- order of facts.
create table casper_accounts (
    network       text not null,
    account_hash  text not null, -- lower-case hex without prefix
    public_key    text not null default '', -- '' = never seen, and a hash does not tell it
    first_ms      bigint not null, -- earliest time of a deploy or transfer that names it
    first_height  bigint, -- lowest block with one; null = none is known yet
    deploys       bigint not null default 0, -- in any state
    transfers_in  bigint not null default 0,
    transfers_out bigint not null default 0,
    primary key (network, account_hash)
);
create index casper_accounts_key on casper_accounts (network, public_key) where public_key <> '';

-- What contracts emitted (protocol 2.x).
create table casper_messages (
    network      text not null,
    deploy_hash  text not null,
    idx          integer not null, -- place in the transaction's list
    entity       text not null, -- 32 bytes, lower-case hex
    entity_name  text not null, -- as the node wrote it
    topic        text not null,
    topic_hash   text not null,
    topic_index  numeric not null,
    block_index  numeric not null,
    text         text,  -- one of the two is set
    bytes        bytea,
    block_hash   text not null,
    timestamp    text not null,
    timestamp_ms bigint not null,
    primary key (network, deploy_hash, idx)
);
create index casper_messages_entity on casper_messages (network, entity, topic, timestamp_ms desc, deploy_hash desc, idx desc);
create index casper_messages_topic on casper_messages (network, topic, timestamp_ms desc, deploy_hash desc, idx desc);

-- How many validators signed a block; it may be counted before the block is known.
create table casper_signatures (
    network    text not null,
    block_hash text not null,
    n          bigint not null,
    primary key (network, block_hash)
);

-- The rows of live frames, so that a replay gives the same frames: feed.v1.Row.
create table casper_feed (
    network text not null,
    pos     bigint not null,
    row     bytea not null,
    primary key (network, pos)
);
