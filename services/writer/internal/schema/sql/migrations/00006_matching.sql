-- +goose Up
-- The order book's messages changed: markets and assets have numbers, orders many
-- more terms. Nothing was released with the former ones and they cannot be read
-- any more, so a venue's rows are made anew, from the first message of its
-- subject. Former streams have to be emptied for that: the writer says so.

drop table trade.journal, trade.assets, trade.markets, trade.balances, trade.deposits, trade.orders, trade.trades;
delete from ctl.cursors where partition like 'trade.%';

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
-- Packed numbers hardly shrink, and the attempt costs more than the rest of the row.
alter table trade.journal alter column data set storage external;
create index journal_event_seq on trade.journal (venue, first_event_seq);

create table trade.assets (
    venue text not null,
    asset integer not null,
    name  text not null,
    scale integer not null,
    primary key (venue, asset),
    unique (venue, name)
);

-- phase is a number of orders.v1.Phase; limits of 0 are none.
create table trade.markets (
    venue           text not null,
    market          integer not null,
    symbol          text not null,
    base            text not null,
    quote           text not null,
    tick            bigint not null,
    lot             bigint not null,
    unit            bigint not null, -- quote units of one lot at one tick
    maker_fee_ppm   bigint not null,
    taker_fee_ppm   bigint not null,
    min_lots        bigint not null,
    max_lots        bigint not null,
    min_notional    bigint not null,
    max_notional    bigint not null,
    collar_ppm      bigint not null,
    pause_ppm       bigint not null,
    pause_ms        bigint not null,
    reference_ticks bigint not null,
    day_ends_ms     bigint not null,
    one_side        boolean not null,
    phase           smallint not null,
    phase_ends_ms   bigint not null,
    then_phase      smallint not null,
    last_ticks      bigint,          -- null: never traded
    primary key (venue, market),
    unique (venue, symbol)
);

create table trade.balances (
    venue     text not null,
    account   bigint not null,
    asset     integer not null,
    available bigint not null,
    reserved  bigint not null,
    event_seq bigint not null,
    primary key (venue, account, asset)
);

-- Deposits, and withdrawals with a negative amount.
create table trade.funds (
    venue     text not null,
    id        text not null,
    account   bigint not null,
    asset     integer not null,
    amount    bigint not null,
    event_seq bigint not null,
    primary key (venue, id)
);
create index funds_account on trade.funds (venue, account, event_seq desc);

-- Enums are the numbers of orders.v1.
create table trade.orders (
    venue            text not null,
    id               bigint not null,
    account          bigint not null,
    client_order_id  text not null,    -- '' = none
    client_ref       numeric not null, -- 0 = none; 64 bits without a sign
    market           integer not null,
    side             smallint not null,
    type             smallint not null,
    time_in_force    smallint not null,
    self_trade       smallint not null,
    price_ticks      bigint not null,
    quantity_lots    bigint not null,
    filled_lots      bigint not null,
    remaining_lots   bigint not null,  -- open, hidden included
    visible_lots     bigint not null,  -- of these, in the book
    decremented_lots bigint not null,  -- taken by self-trade prevention
    status           smallint not null,
    reject_reason    smallint not null,
    cancel_reason    smallint not null,
    resting          boolean not null, -- its rest is in the book
    triggered        boolean not null,
    queue_seq        bigint not null,  -- event_seq of its last OrderRested: the order of a queue
    quote_budget     bigint not null,
    protection_ticks bigint not null,
    trigger_ticks    bigint not null,
    trail_ticks      bigint not null,
    display_lots     bigint not null,
    min_lots         bigint not null,
    post_only        boolean not null,
    expires_at_ms    bigint not null,
    other_leg        bigint not null,  -- 0 = none
    created_ms       bigint not null,
    updated_ms       bigint not null,
    event_seq        bigint not null,  -- last event that changed it
    primary key (venue, id)
);
create index orders_client_id on trade.orders (venue, account, client_order_id, id desc) where client_order_id <> '';
create index orders_account on trade.orders (venue, account, id desc);
create index orders_live on trade.orders (venue, id) where status in (1, 2, 7); -- all of them, at an api's start

-- What an order was before an event that replaced some of it.
create table trade.order_changes (
    venue          text not null,
    id             bigint not null,
    event_seq      bigint not null,
    price_ticks    bigint not null,
    quantity_lots  bigint not null,
    filled_lots    bigint not null,
    remaining_lots bigint not null,
    trigger_ticks  bigint not null,
    triggered      boolean not null,
    primary key (venue, id, event_seq)
);

create table trade.trades (
    venue          text not null,
    trade_id       bigint not null,
    market         integer not null,
    price_ticks    bigint not null,
    quantity_lots  bigint not null,
    maker_order_id bigint not null,
    taker_order_id bigint not null,
    maker_account  bigint not null,
    taker_account  bigint not null,
    taker_side     smallint not null,
    maker_fee      bigint not null,
    taker_fee      bigint not null,
    auction        boolean not null,
    at_ms          bigint not null,
    event_seq      bigint not null,
    primary key (venue, trade_id)
);
create index trades_market on trade.trades (venue, market, trade_id desc);
create index trades_maker on trade.trades (venue, maker_order_id);
create index trades_taker on trade.trades (venue, taker_order_id);

create table trade.auctions (
    venue           text not null,
    market          integer not null,
    event_seq       bigint not null,
    price_ticks     bigint,          -- null: nothing crossed
    volume_lots     bigint not null,
    surplus_lots    bigint not null, -- bought minus sold that was left over
    reference_ticks bigint,          -- null: none
    input_digest    bytea not null,
    began_ms        bigint not null,
    at_ms           bigint not null,
    primary key (venue, market, event_seq)
);

-- A candle without trades does not exist. Intervals: 1s 1m 5m 15m 1h 4h 1d.
create table trade.candles (
    venue        text not null,
    market       integer not null,
    interval_ms  bigint not null,
    open_ms      bigint not null,
    open_ticks   bigint not null,
    high_ticks   bigint not null,
    low_ticks    bigint not null,
    close_ticks  bigint not null,
    volume_lots  bigint not null,
    quote_volume numeric not null,
    trades       bigint not null,
    primary key (venue, market, interval_ms, open_ms)
);

-- The 24 hours up to a market's newest trade; a market without a trade has no row.
create table trade.tickers (
    venue        text not null,
    market       integer not null,
    at_ms        bigint not null, -- second of the newest trade
    last_ticks   bigint not null,
    open_ticks   bigint not null, -- the last trade before the window, else the first within
    high_ticks   bigint not null,
    low_ticks    bigint not null,
    volume_lots  bigint not null,
    quote_volume numeric not null,
    trades       bigint not null,
    primary key (venue, market)
);
