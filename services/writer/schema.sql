CREATE SCHEMA ctl;
CREATE SCHEMA ident;
CREATE SCHEMA ix_sample;
CREATE SCHEMA trade;
CREATE FUNCTION ix_sample.sum_counts() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'ix_sample'
    AS $$
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
CREATE TABLE ctl.builds (
    build text NOT NULL,
    projection integer NOT NULL,
    status text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT builds_status_check CHECK ((status = ANY (ARRAY['filling'::text, 'live'::text, 'retired'::text])))
);
CREATE TABLE ctl.cursors (
    build text NOT NULL,
    partition text NOT NULL,
    stream_created bigint NOT NULL,
    seek_backs bigint DEFAULT 0 NOT NULL,
    seq bigint NOT NULL,
    digest bytea NOT NULL,
    number bigint,
    hash bytea,
    finalized bigint,
    pos bigint NOT NULL,
    caught_up boolean DEFAULT false NOT NULL,
    problem text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE ctl.dead_letters (
    build text NOT NULL,
    partition text NOT NULL,
    seq bigint NOT NULL,
    unit integer NOT NULL,
    block_number bigint,
    block_hash bytea,
    reason text NOT NULL,
    body bytea NOT NULL,
    orphaned boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    status text DEFAULT 'dead'::text NOT NULL,
    attempts integer DEFAULT 1 NOT NULL,
    next_try timestamp with time zone,
    last_error text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT dead_letters_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'failed'::text, 'dead'::text, 'done'::text])))
);
CREATE TABLE ctl.deployments (
    one boolean DEFAULT true NOT NULL,
    build text NOT NULL,
    promoted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT deployments_one_check CHECK (one)
);
CREATE TABLE ctl.quarantine (
    build text NOT NULL,
    partition text NOT NULL,
    seq bigint NOT NULL,
    unit integer NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    raw bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE ident.accounts (
    id bigint NOT NULL,
    name text NOT NULL,
    role smallint NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE ident.requests (
    request_id text NOT NULL,
    reply bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE ident.tokens (
    hash bytea NOT NULL,
    account bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone
);
CREATE TABLE ix_sample.blocks (
    network text NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    parent_hash bytea NOT NULL,
    "time" bigint NOT NULL,
    tx_count integer NOT NULL,
    log_count integer NOT NULL,
    header bytea NOT NULL,
    pos bigint NOT NULL
);
CREATE TABLE ix_sample.casper_accounts (
    network text NOT NULL,
    account_hash text NOT NULL,
    public_key text DEFAULT ''::text NOT NULL,
    first_ms bigint NOT NULL,
    first_height bigint,
    deploys bigint DEFAULT 0 NOT NULL,
    transfers_in bigint DEFAULT 0 NOT NULL,
    transfers_out bigint DEFAULT 0 NOT NULL
);
CREATE TABLE ix_sample.casper_blocks (
    network text NOT NULL,
    hash text NOT NULL,
    parent_hash text NOT NULL,
    height bigint NOT NULL,
    era_id numeric NOT NULL,
    "timestamp" text NOT NULL,
    timestamp_ms bigint NOT NULL,
    proposer text NOT NULL,
    state_root_hash text NOT NULL,
    deploys text[] NOT NULL,
    pos bigint NOT NULL
);
CREATE TABLE ix_sample.casper_deploys (
    network text NOT NULL,
    hash text NOT NULL,
    account text NOT NULL,
    state text NOT NULL,
    cost numeric,
    error_message text,
    block_hash text,
    "timestamp" text NOT NULL,
    timestamp_ms bigint NOT NULL,
    transfers text[] NOT NULL,
    version text NOT NULL,
    pos bigint NOT NULL,
    CONSTRAINT casper_deploys_state_check CHECK ((state = ANY (ARRAY['accepted'::text, 'processed'::text, 'expired'::text])))
);
CREATE TABLE ix_sample.casper_facts (
    network text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    raw bytea NOT NULL,
    received_ms bigint NOT NULL,
    pos bigint NOT NULL
);
CREATE TABLE ix_sample.casper_feed (
    network text NOT NULL,
    pos bigint NOT NULL,
    "row" bytea NOT NULL
);
CREATE TABLE ix_sample.casper_messages (
    network text NOT NULL,
    deploy_hash text NOT NULL,
    idx integer NOT NULL,
    entity text NOT NULL,
    entity_name text NOT NULL,
    topic text NOT NULL,
    topic_hash text NOT NULL,
    topic_index numeric NOT NULL,
    block_index numeric NOT NULL,
    text text,
    bytes bytea,
    block_hash text NOT NULL,
    "timestamp" text NOT NULL,
    timestamp_ms bigint NOT NULL
);
CREATE TABLE ix_sample.casper_signatures (
    network text NOT NULL,
    block_hash text NOT NULL,
    n bigint NOT NULL
);
CREATE TABLE ix_sample.casper_transfers (
    network text NOT NULL,
    deploy_hash text NOT NULL,
    idx integer NOT NULL,
    transfer text NOT NULL,
    from_account text NOT NULL,
    to_account text,
    source text NOT NULL,
    target text NOT NULL,
    amount numeric NOT NULL,
    gas numeric NOT NULL,
    id numeric,
    block_hash text NOT NULL,
    "timestamp" text NOT NULL,
    timestamp_ms bigint NOT NULL,
    pos bigint NOT NULL
);
CREATE TABLE ix_sample.checks (
    network text NOT NULL,
    from_number bigint NOT NULL,
    to_number bigint NOT NULL,
    logs bigint NOT NULL,
    digest bytea NOT NULL
);
CREATE TABLE ix_sample.children (
    network text NOT NULL,
    contract text NOT NULL,
    address bytea NOT NULL,
    block_number bigint NOT NULL,
    log_index integer NOT NULL
);
CREATE TABLE ix_sample.counts (
    network text NOT NULL,
    kind text NOT NULL,
    scope text NOT NULL,
    bucket bigint NOT NULL,
    n bigint NOT NULL
);
CREATE TABLE ix_sample.events (
    network text NOT NULL,
    block_number bigint NOT NULL,
    log_index integer NOT NULL,
    block_hash bytea NOT NULL,
    block_time bigint NOT NULL,
    tx_hash bytea NOT NULL,
    tx_index integer NOT NULL,
    address bytea NOT NULL,
    contract text NOT NULL,
    event text NOT NULL,
    args jsonb,
    topics bytea[] NOT NULL,
    data bytea NOT NULL,
    decode_error text DEFAULT ''::text NOT NULL,
    pos bigint NOT NULL,
    reads jsonb
);
ALTER TABLE ONLY ix_sample.events ALTER COLUMN block_hash SET STATISTICS 0;
ALTER TABLE ONLY ix_sample.events ALTER COLUMN tx_hash SET STATISTICS 0;
ALTER TABLE ONLY ix_sample.events ALTER COLUMN args SET STATISTICS 0;
ALTER TABLE ONLY ix_sample.events ALTER COLUMN topics SET STATISTICS 0;
ALTER TABLE ONLY ix_sample.events ALTER COLUMN data SET STATISTICS 0;
ALTER TABLE ONLY ix_sample.events ALTER COLUMN decode_error SET STATISTICS 0;
CREATE TABLE ix_sample.networks (
    network text NOT NULL,
    kind text NOT NULL,
    ordinal integer NOT NULL,
    partition text NOT NULL,
    chain_id bigint NOT NULL
);
CREATE TABLE ix_sample.orphaned_blocks (
    revert_pos bigint NOT NULL,
    network text NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    parent_hash bytea NOT NULL,
    "time" bigint NOT NULL,
    tx_count integer NOT NULL,
    log_count integer NOT NULL,
    header bytea NOT NULL,
    pos bigint NOT NULL
);
CREATE TABLE ix_sample.orphaned_events (
    revert_pos bigint NOT NULL,
    network text NOT NULL,
    block_number bigint NOT NULL,
    log_index integer NOT NULL,
    block_hash bytea NOT NULL,
    block_time bigint NOT NULL,
    tx_hash bytea NOT NULL,
    tx_index integer NOT NULL,
    address bytea NOT NULL,
    contract text NOT NULL,
    event text NOT NULL,
    args jsonb,
    topics bytea[] NOT NULL,
    data bytea NOT NULL,
    decode_error text DEFAULT ''::text NOT NULL,
    pos bigint NOT NULL,
    reads jsonb
);
CREATE TABLE ix_sample.ranges (
    network text NOT NULL,
    from_number bigint NOT NULL,
    to_number bigint NOT NULL,
    to_hash bytea NOT NULL,
    pos bigint NOT NULL
);
CREATE TABLE ix_sample.repairs (
    network text NOT NULL,
    pos bigint NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    log_count integer NOT NULL,
    removed integer[] NOT NULL
);
CREATE TABLE ix_sample.reverts (
    network text NOT NULL,
    pos bigint NOT NULL,
    to_number bigint NOT NULL,
    to_hash bytea NOT NULL,
    from_number bigint NOT NULL,
    from_hash bytea NOT NULL
);
CREATE TABLE ix_sample.sums (
    network text NOT NULL,
    kind text NOT NULL,
    width bigint NOT NULL,
    bucket bigint NOT NULL,
    n bigint NOT NULL
);
CREATE TABLE public.goose_db_version (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.goose_db_version ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.goose_db_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE trade.assets (
    venue text NOT NULL,
    asset integer NOT NULL,
    name text NOT NULL,
    scale integer NOT NULL
);
CREATE TABLE trade.auctions (
    venue text NOT NULL,
    market integer NOT NULL,
    event_seq bigint NOT NULL,
    price_ticks bigint,
    volume_lots bigint NOT NULL,
    surplus_lots bigint NOT NULL,
    reference_ticks bigint,
    input_digest bytea NOT NULL,
    began_ms bigint NOT NULL,
    at_ms bigint NOT NULL
);
CREATE TABLE trade.balances (
    venue text NOT NULL,
    account bigint NOT NULL,
    asset integer NOT NULL,
    available bigint NOT NULL,
    reserved bigint NOT NULL,
    event_seq bigint NOT NULL
);
CREATE TABLE trade.candles (
    venue text NOT NULL,
    market integer NOT NULL,
    interval_ms bigint NOT NULL,
    open_ms bigint NOT NULL,
    open_ticks bigint NOT NULL,
    high_ticks bigint NOT NULL,
    low_ticks bigint NOT NULL,
    close_ticks bigint NOT NULL,
    volume_lots bigint NOT NULL,
    quote_volume numeric NOT NULL,
    trades bigint NOT NULL
);
CREATE TABLE trade.funds (
    venue text NOT NULL,
    id text NOT NULL,
    account bigint NOT NULL,
    asset integer NOT NULL,
    amount bigint NOT NULL,
    event_seq bigint NOT NULL
);
CREATE TABLE trade.journal (
    venue text NOT NULL,
    seq bigint NOT NULL,
    first_in_seq bigint NOT NULL,
    last_in_seq bigint NOT NULL,
    part integer NOT NULL,
    last boolean NOT NULL,
    first_event_seq bigint NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY trade.journal ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE trade.live_orders (
    venue text NOT NULL,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    orders integer NOT NULL
);
CREATE TABLE trade.markets (
    venue text NOT NULL,
    market integer NOT NULL,
    symbol text NOT NULL,
    base text NOT NULL,
    quote text NOT NULL,
    tick bigint NOT NULL,
    lot bigint NOT NULL,
    unit bigint NOT NULL,
    maker_fee_ppm bigint NOT NULL,
    taker_fee_ppm bigint NOT NULL,
    min_lots bigint NOT NULL,
    max_lots bigint NOT NULL,
    min_notional bigint NOT NULL,
    max_notional bigint NOT NULL,
    collar_ppm bigint NOT NULL,
    pause_ppm bigint NOT NULL,
    pause_ms bigint NOT NULL,
    reference_ticks bigint NOT NULL,
    day_ends_ms bigint NOT NULL,
    one_side boolean NOT NULL,
    phase smallint NOT NULL,
    phase_ends_ms bigint NOT NULL,
    then_phase smallint NOT NULL,
    last_ticks bigint
);
CREATE TABLE trade.order_changes (
    venue text NOT NULL,
    id bigint NOT NULL,
    event_seq bigint NOT NULL,
    price_ticks bigint NOT NULL,
    quantity_lots bigint NOT NULL,
    filled_lots bigint NOT NULL,
    remaining_lots bigint NOT NULL,
    trigger_ticks bigint NOT NULL,
    triggered boolean NOT NULL
);
CREATE TABLE trade.order_lists (
    account bigint NOT NULL,
    first_id bigint NOT NULL,
    venue text NOT NULL,
    ids bigint[] NOT NULL
);
CREATE TABLE trade.orders (
    venue text NOT NULL,
    id bigint NOT NULL,
    account bigint NOT NULL,
    client_order_id text NOT NULL,
    client_ref numeric NOT NULL,
    market integer NOT NULL,
    side smallint NOT NULL,
    type smallint NOT NULL,
    time_in_force smallint NOT NULL,
    self_trade smallint NOT NULL,
    price_ticks bigint NOT NULL,
    quantity_lots bigint NOT NULL,
    filled_lots bigint NOT NULL,
    remaining_lots bigint NOT NULL,
    visible_lots bigint NOT NULL,
    decremented_lots bigint NOT NULL,
    status smallint NOT NULL,
    reject_reason smallint NOT NULL,
    cancel_reason smallint NOT NULL,
    resting boolean NOT NULL,
    triggered boolean NOT NULL,
    queue_seq bigint NOT NULL,
    quote_budget bigint NOT NULL,
    protection_ticks bigint NOT NULL,
    trigger_ticks bigint NOT NULL,
    trail_ticks bigint NOT NULL,
    display_lots bigint NOT NULL,
    min_lots bigint NOT NULL,
    post_only boolean NOT NULL,
    expires_at_ms bigint NOT NULL,
    other_leg bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    event_seq bigint NOT NULL
);
CREATE TABLE trade.tickers (
    venue text NOT NULL,
    market integer NOT NULL,
    at_ms bigint NOT NULL,
    last_ticks bigint NOT NULL,
    open_ticks bigint NOT NULL,
    high_ticks bigint NOT NULL,
    low_ticks bigint NOT NULL,
    volume_lots bigint NOT NULL,
    quote_volume numeric NOT NULL,
    trades bigint NOT NULL
);
CREATE TABLE trade.trades (
    venue text NOT NULL,
    trade_id bigint NOT NULL,
    market integer NOT NULL,
    price_ticks bigint NOT NULL,
    quantity_lots bigint NOT NULL,
    maker_order_id bigint NOT NULL,
    taker_order_id bigint NOT NULL,
    maker_account bigint NOT NULL,
    taker_account bigint NOT NULL,
    taker_side smallint NOT NULL,
    maker_fee bigint NOT NULL,
    taker_fee bigint NOT NULL,
    auction boolean NOT NULL,
    at_ms bigint NOT NULL,
    event_seq bigint NOT NULL
);
ALTER TABLE ONLY ctl.builds
    ADD CONSTRAINT builds_pkey PRIMARY KEY (build);
ALTER TABLE ONLY ctl.cursors
    ADD CONSTRAINT cursors_pkey PRIMARY KEY (build, partition);
ALTER TABLE ONLY ctl.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (build, partition, seq, unit);
ALTER TABLE ONLY ctl.deployments
    ADD CONSTRAINT deployments_pkey PRIMARY KEY (one);
ALTER TABLE ONLY ctl.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (build, partition, seq, unit);
ALTER TABLE ONLY ident.accounts
    ADD CONSTRAINT accounts_name_key UNIQUE (name);
ALTER TABLE ONLY ident.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY ident.requests
    ADD CONSTRAINT requests_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY ident.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY ix_sample.blocks
    ADD CONSTRAINT blocks_pkey PRIMARY KEY (network, number);
ALTER TABLE ONLY ix_sample.casper_accounts
    ADD CONSTRAINT casper_accounts_pkey PRIMARY KEY (network, account_hash);
ALTER TABLE ONLY ix_sample.casper_blocks
    ADD CONSTRAINT casper_blocks_pkey PRIMARY KEY (network, hash);
ALTER TABLE ONLY ix_sample.casper_deploys
    ADD CONSTRAINT casper_deploys_pkey PRIMARY KEY (network, hash);
ALTER TABLE ONLY ix_sample.casper_facts
    ADD CONSTRAINT casper_facts_pkey PRIMARY KEY (network, kind, key);
ALTER TABLE ONLY ix_sample.casper_feed
    ADD CONSTRAINT casper_feed_pkey PRIMARY KEY (network, pos);
ALTER TABLE ONLY ix_sample.casper_messages
    ADD CONSTRAINT casper_messages_pkey PRIMARY KEY (network, deploy_hash, idx);
ALTER TABLE ONLY ix_sample.casper_signatures
    ADD CONSTRAINT casper_signatures_pkey PRIMARY KEY (network, block_hash);
ALTER TABLE ONLY ix_sample.casper_transfers
    ADD CONSTRAINT casper_transfers_pkey PRIMARY KEY (network, deploy_hash, idx);
ALTER TABLE ONLY ix_sample.checks
    ADD CONSTRAINT checks_pkey PRIMARY KEY (network, to_number);
ALTER TABLE ONLY ix_sample.children
    ADD CONSTRAINT children_pkey PRIMARY KEY (network, contract, address);
ALTER TABLE ONLY ix_sample.counts
    ADD CONSTRAINT counts_pkey PRIMARY KEY (network, kind, scope, bucket);
ALTER TABLE ONLY ix_sample.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (network, block_number, log_index);
ALTER TABLE ONLY ix_sample.networks
    ADD CONSTRAINT networks_pkey PRIMARY KEY (network);
ALTER TABLE ONLY ix_sample.orphaned_blocks
    ADD CONSTRAINT orphaned_blocks_pkey PRIMARY KEY (revert_pos, network, number);
ALTER TABLE ONLY ix_sample.orphaned_events
    ADD CONSTRAINT orphaned_events_pkey PRIMARY KEY (revert_pos, network, block_number, log_index);
ALTER TABLE ONLY ix_sample.ranges
    ADD CONSTRAINT ranges_pkey PRIMARY KEY (network, from_number);
ALTER TABLE ONLY ix_sample.repairs
    ADD CONSTRAINT repairs_pkey PRIMARY KEY (network, pos);
ALTER TABLE ONLY ix_sample.reverts
    ADD CONSTRAINT reverts_pkey PRIMARY KEY (network, pos);
ALTER TABLE ONLY ix_sample.sums
    ADD CONSTRAINT sums_pkey PRIMARY KEY (network, kind, width, bucket);
ALTER TABLE ONLY public.goose_db_version
    ADD CONSTRAINT goose_db_version_pkey PRIMARY KEY (id);
ALTER TABLE ONLY trade.assets
    ADD CONSTRAINT assets_pkey PRIMARY KEY (venue, asset);
ALTER TABLE ONLY trade.assets
    ADD CONSTRAINT assets_venue_name_key UNIQUE (venue, name);
ALTER TABLE ONLY trade.auctions
    ADD CONSTRAINT auctions_pkey PRIMARY KEY (venue, market, event_seq);
ALTER TABLE ONLY trade.balances
    ADD CONSTRAINT balances_pkey PRIMARY KEY (venue, account, asset);
ALTER TABLE ONLY trade.candles
    ADD CONSTRAINT candles_pkey PRIMARY KEY (venue, market, interval_ms, open_ms);
ALTER TABLE ONLY trade.funds
    ADD CONSTRAINT funds_pkey PRIMARY KEY (venue, id);
ALTER TABLE ONLY trade.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (venue, seq);
ALTER TABLE ONLY trade.live_orders
    ADD CONSTRAINT live_orders_pkey PRIMARY KEY (venue, first_id);
ALTER TABLE ONLY trade.markets
    ADD CONSTRAINT markets_pkey PRIMARY KEY (venue, market);
ALTER TABLE ONLY trade.markets
    ADD CONSTRAINT markets_venue_symbol_key UNIQUE (venue, symbol);
ALTER TABLE ONLY trade.order_changes
    ADD CONSTRAINT order_changes_pkey PRIMARY KEY (venue, id, event_seq);
ALTER TABLE ONLY trade.order_lists
    ADD CONSTRAINT order_lists_pkey PRIMARY KEY (account, first_id, venue);
ALTER TABLE ONLY trade.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (venue, id);
ALTER TABLE ONLY trade.tickers
    ADD CONSTRAINT tickers_pkey PRIMARY KEY (venue, market);
ALTER TABLE ONLY trade.trades
    ADD CONSTRAINT trades_pkey PRIMARY KEY (venue, trade_id);
CREATE INDEX dead_letters_open ON ctl.dead_letters USING btree (build, partition, status) WHERE (status <> 'done'::text);
CREATE INDEX blocks_hash ON ix_sample.blocks USING btree (network, hash);
CREATE INDEX blocks_pos ON ix_sample.blocks USING btree (network, pos);
CREATE INDEX blocks_time ON ix_sample.blocks USING btree (network, "time", number);
CREATE INDEX casper_accounts_key ON ix_sample.casper_accounts USING btree (network, public_key) WHERE (public_key <> ''::text);
CREATE INDEX casper_blocks_height ON ix_sample.casper_blocks USING btree (network, height DESC, hash);
CREATE INDEX casper_blocks_time ON ix_sample.casper_blocks USING btree (network, timestamp_ms);
CREATE INDEX casper_deploys_account ON ix_sample.casper_deploys USING btree (network, account, timestamp_ms DESC, hash DESC);
CREATE INDEX casper_facts_pos ON ix_sample.casper_facts USING btree (network, pos);
CREATE INDEX casper_messages_entity ON ix_sample.casper_messages USING btree (network, entity, topic, timestamp_ms DESC, deploy_hash DESC, idx DESC);
CREATE INDEX casper_messages_topic ON ix_sample.casper_messages USING btree (network, topic, timestamp_ms DESC, deploy_hash DESC, idx DESC);
CREATE INDEX casper_transfers_from ON ix_sample.casper_transfers USING btree (network, from_account, timestamp_ms DESC);
CREATE INDEX casper_transfers_to ON ix_sample.casper_transfers USING btree (network, to_account, timestamp_ms DESC);
CREATE INDEX children_block ON ix_sample.children USING btree (network, block_number);
CREATE INDEX events_address ON ix_sample.events USING btree (network, address, block_number, log_index);
CREATE INDEX events_pos ON ix_sample.events USING btree (network, pos);
CREATE INDEX events_tx ON ix_sample.events USING hash (tx_hash);
CREATE INDEX orphaned_blocks_number ON ix_sample.orphaned_blocks USING btree (network, number, revert_pos);
CREATE INDEX orphaned_blocks_pos ON ix_sample.orphaned_blocks USING btree (network, pos);
CREATE INDEX orphaned_events_block ON ix_sample.orphaned_events USING btree (network, block_number, log_index, revert_pos);
CREATE INDEX orphaned_events_pos ON ix_sample.orphaned_events USING btree (network, pos);
CREATE INDEX orphaned_events_tx ON ix_sample.orphaned_events USING btree (network, tx_hash);
CREATE INDEX funds_account ON trade.funds USING btree (venue, account, event_seq DESC);
CREATE INDEX journal_event_seq ON trade.journal USING btree (venue, first_event_seq);
CREATE INDEX orders_client_id ON trade.orders USING btree (venue, account, client_order_id, id DESC) WHERE (client_order_id <> ''::text);
CREATE INDEX trades_maker ON trade.trades USING btree (venue, maker_order_id);
CREATE INDEX trades_market ON trade.trades USING btree (venue, market, trade_id DESC);
CREATE INDEX trades_taker ON trade.trades USING btree (venue, taker_order_id);
CREATE TRIGGER counts_delete AFTER DELETE ON ix_sample.counts REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION ix_sample.sum_counts();
CREATE TRIGGER counts_insert AFTER INSERT ON ix_sample.counts REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION ix_sample.sum_counts();
CREATE TRIGGER counts_update AFTER UPDATE ON ix_sample.counts REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION ix_sample.sum_counts();
ALTER TABLE ONLY ctl.deployments
    ADD CONSTRAINT deployments_build_fkey FOREIGN KEY (build) REFERENCES ctl.builds(build);
ALTER TABLE ONLY ident.tokens
    ADD CONSTRAINT tokens_account_fkey FOREIGN KEY (account) REFERENCES ident.accounts(id);
GRANT USAGE ON SCHEMA ctl TO fondaco_reader;
GRANT USAGE ON SCHEMA ident TO fondaco_reader;
GRANT USAGE ON SCHEMA ix_sample TO fondaco_reader;
GRANT USAGE ON SCHEMA trade TO fondaco_reader;
GRANT SELECT ON TABLE ctl.builds TO fondaco_reader;
GRANT SELECT ON TABLE ctl.cursors TO fondaco_reader;
GRANT SELECT ON TABLE ctl.dead_letters TO fondaco_reader;
GRANT SELECT ON TABLE ctl.deployments TO fondaco_reader;
GRANT SELECT ON TABLE ctl.quarantine TO fondaco_reader;
GRANT SELECT ON TABLE ident.accounts TO fondaco_reader;
GRANT SELECT ON TABLE ident.requests TO fondaco_reader;
GRANT SELECT ON TABLE ident.tokens TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.blocks TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.casper_accounts TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.casper_blocks TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.casper_deploys TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.casper_facts TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.casper_feed TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.casper_messages TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.casper_signatures TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.casper_transfers TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.checks TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.children TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.counts TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.events TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.networks TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.orphaned_blocks TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.orphaned_events TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.ranges TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.repairs TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.reverts TO fondaco_reader;
GRANT SELECT ON TABLE ix_sample.sums TO fondaco_reader;
GRANT SELECT ON TABLE trade.assets TO fondaco_reader;
GRANT SELECT ON TABLE trade.auctions TO fondaco_reader;
GRANT SELECT ON TABLE trade.balances TO fondaco_reader;
GRANT SELECT ON TABLE trade.candles TO fondaco_reader;
GRANT SELECT ON TABLE trade.funds TO fondaco_reader;
GRANT SELECT ON TABLE trade.journal TO fondaco_reader;
GRANT SELECT ON TABLE trade.live_orders TO fondaco_reader;
GRANT SELECT ON TABLE trade.markets TO fondaco_reader;
GRANT SELECT ON TABLE trade.order_changes TO fondaco_reader;
GRANT SELECT ON TABLE trade.order_lists TO fondaco_reader;
GRANT SELECT ON TABLE trade.orders TO fondaco_reader;
GRANT SELECT ON TABLE trade.tickers TO fondaco_reader;
GRANT SELECT ON TABLE trade.trades TO fondaco_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE fondaco IN SCHEMA ctl GRANT SELECT ON TABLES  TO fondaco_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE fondaco IN SCHEMA ident GRANT SELECT ON TABLES  TO fondaco_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE fondaco IN SCHEMA trade GRANT SELECT ON TABLES  TO fondaco_reader;
