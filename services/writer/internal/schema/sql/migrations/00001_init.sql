-- +goose Up
create schema ctl;
create schema trade;
create schema ident;

-- +goose statementbegin
do $$
begin
    -- Roles belong to the cluster, not to the database: another database of it
    -- may have made this one already.
    if not exists (select from pg_roles where rolname = 'fondaco_reader') then
        create role fondaco_reader nologin;
    end if;
exception when duplicate_object or unique_violation then
    null;
end
$$;
-- +goose statementend

-- ctl: what is live, how far each partition is.

create table ctl.builds (
    build      text primary key,
    projection integer not null,
    status     text not null check (status in ('filling', 'live', 'retired')),
    created_at timestamptz not null default now()
);

-- One row: which ix_<build> the api serves. Changed by promotion, never by DDL.
create table ctl.deployments (
    one         boolean primary key default true check (one),
    build       text not null references ctl.builds (build),
    promoted_at timestamptz not null default now()
);

-- One row a partition, moved in the transaction that writes its rows.
create table ctl.cursors (
    build          text not null,   -- '' for trade and identity partitions
    partition      text not null,   -- CHAIN subject, trade.<venue>, identity
    stream_created bigint not null, -- Unix milliseconds
    seek_backs     bigint not null default 0,
    seq            bigint not null, -- stream sequence of the last message applied; 0 = none
    digest         bytea not null,  -- SHA-256 of that message
    number         bigint,          -- EVM: highest canonical block; Casper: highest height
    hash           bytea,
    finalized      bigint,
    pos            bigint not null, -- feed position of everything applied (event_seq for trade)
    caught_up      boolean not null default false,
    problem        text,            -- why the partition stands still and how to recover
    updated_at     timestamptz not null default now(),
    primary key (build, partition)
);

-- Units that could not be applied. Replayed only while their block is canonical.
create table ctl.dead_letters (
    build        text not null,
    partition    text not null,
    seq          bigint not null,
    unit         integer not null,
    block_number bigint,
    block_hash   bytea,
    reason       text not null,
    body         bytea not null,
    orphaned     boolean not null default false,
    created_at   timestamptz not null default now(),
    primary key (build, partition, seq, unit)
);

-- Casper facts whose content differs from the one that holds their key.
create table ctl.quarantine (
    build      text not null,
    partition  text not null,
    seq        bigint not null,
    unit       integer not null,
    kind       text not null,
    key        text not null,
    raw        bytea not null,
    created_at timestamptz not null default now(),
    primary key (build, partition, seq, unit)
);

-- trade: the projection of TRADES, and its second copy.

create table trade.journal (
    venue           text not null,
    seq             bigint not null, -- stream sequence in TRADES
    first_in_seq    bigint not null,
    last_in_seq     bigint not null,
    part            integer not null,
    last            boolean not null,
    first_event_seq bigint not null,
    events          integer not null,
    data            bytea not null,  -- the message, verbatim
    primary key (venue, seq)
);
create index journal_event_seq on trade.journal (venue, first_event_seq);

create table trade.assets (
    venue text not null,
    name  text not null,
    scale integer not null,
    primary key (venue, name)
);

create table trade.markets (
    venue         text not null,
    symbol        text not null,
    base          text not null,
    quote         text not null,
    tick          bigint not null,
    lot           bigint not null,
    maker_fee_ppm bigint not null,
    taker_fee_ppm bigint not null,
    primary key (venue, symbol)
);

create table trade.balances (
    venue     text not null,
    account   bigint not null,
    asset     text not null,
    available bigint not null,
    reserved  bigint not null,
    event_seq bigint not null,
    primary key (venue, account, asset)
);

create table trade.deposits (
    venue      text not null,
    deposit_id text not null,
    account    bigint not null,
    asset      text not null,
    amount     bigint not null,
    event_seq  bigint not null,
    primary key (venue, deposit_id)
);

-- side, type, time_in_force, status and both reasons are the numbers of the
-- orders.v1 enums.
create table trade.orders (
    venue           text not null,
    id              bigint not null,
    account         bigint not null,
    client_order_id text not null,
    symbol          text not null,
    side            smallint not null,
    type            smallint not null,
    time_in_force   smallint not null,
    price_ticks     bigint not null,
    quantity_lots   bigint not null,
    filled_lots     bigint not null,
    status          smallint not null,
    reject_reason   smallint not null,
    cancel_reason   smallint not null,
    resting         boolean not null, -- its rest is in the book
    created_ms      bigint not null,
    updated_ms      bigint not null,
    event_seq       bigint not null,  -- last event that changed it
    primary key (venue, id)
);
create index orders_client_id on trade.orders (venue, account, client_order_id, id desc);
create index orders_account on trade.orders (venue, account, id desc);
create index orders_open on trade.orders (venue, account, id desc) where status in (1, 2);
create index orders_resting on trade.orders (venue, symbol, id) where resting;

create table trade.trades (
    venue          text not null,
    trade_id       bigint not null,
    symbol         text not null,
    price_ticks    bigint not null,
    quantity_lots  bigint not null,
    maker_order_id bigint not null,
    taker_order_id bigint not null,
    maker_account  bigint not null,
    taker_account  bigint not null,
    taker_side     smallint not null,
    maker_fee      bigint not null,
    taker_fee      bigint not null,
    at_ms          bigint not null,
    event_seq      bigint not null,
    primary key (venue, trade_id)
);
create index trades_symbol on trade.trades (venue, symbol, trade_id desc);
create index trades_maker on trade.trades (venue, maker_order_id);
create index trades_taker on trade.trades (venue, taker_order_id);

-- ident: accounts and tokens; tokens only as hashes.

create table ident.accounts (
    id         bigint primary key,
    name       text not null unique,
    role       smallint not null,
    created_at timestamptz not null
);

create table ident.tokens (
    hash       bytea primary key,
    account    bigint not null references ident.accounts (id),
    created_at timestamptz not null,
    revoked_at timestamptz
);

create table ident.requests (
    request_id text primary key,
    reply      bytea not null,
    created_at timestamptz not null
);

grant usage on schema ctl, trade, ident to fondaco_reader;
grant select on all tables in schema ctl, trade, ident to fondaco_reader;
alter default privileges in schema ctl grant select on tables to fondaco_reader;
alter default privileges in schema trade grant select on tables to fondaco_reader;
alter default privileges in schema ident grant select on tables to fondaco_reader;
