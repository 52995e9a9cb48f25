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
    primary key (network, block_number, log_index)
);
create index events_pos on events (network, pos);
create index events_contract on events (network, contract, event, block_number, log_index);
create index events_address on events (network, address, block_number, log_index);

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
    primary key (revert_pos, network, block_number, log_index)
);
create index orphaned_events_pos on orphaned_events (network, pos);

create table reverts (
    network     text not null,
    pos         bigint not null,
    to_number   bigint not null,
    to_hash     bytea not null,
    from_number bigint not null,
    from_hash   bytea not null,
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

-- The rows of live frames, so that a replay gives the same frames: feed.v1.Row.
create table casper_feed (
    network text not null,
    pos     bigint not null,
    row     bytea not null,
    primary key (network, pos)
);
