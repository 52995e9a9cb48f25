-- +goose Up
-- Two of an order's three index entries go: more than half of what a new order cost
-- Postgres was its indexes. An account's orders are named a transaction at a time,
-- and the living ones are counted by id; without status in an index, an order that
-- ends needs no new entries either. The writer of a venue and the lists of orders
-- wait while it is made, some seconds a million orders.

-- Which orders an account made, in the order of their ids: a row holds those of one
-- transaction, 128 at most, and begins behind the last one of the row before it.
create table trade.order_lists (
    account  bigint not null,
    first_id bigint not null,
    venue    text not null,
    ids      bigint[] not null,
    primary key (account, first_id, venue)
);
insert into trade.order_lists (account, first_id, venue, ids)
select account, min(id), venue, array_agg(id order by id)
from (select account, venue, id, (row_number() over (partition by account, venue order by id) - 1) / 128 as part from trade.orders) o
group by account, venue, part;

-- How many orders from first_id to last_id live. A row that comes to none remains.
create table trade.live_orders (
    venue    text not null,
    first_id bigint not null,
    last_id  bigint not null,
    orders   integer not null,
    primary key (venue, first_id)
);
insert into trade.live_orders (venue, first_id, last_id, orders)
select venue, id / 1024 * 1024, id / 1024 * 1024 + 1023, count(*) filter (where status in (1, 2, 7)) from trade.orders group by 1, 2, 3;

drop index trade.orders_of_account;
drop index trade.orders_live;
