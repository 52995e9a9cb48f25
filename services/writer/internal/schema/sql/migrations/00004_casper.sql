-- +goose Up
-- Chain indexes that are there get the tables of Casper accounts, messages and
-- signatures. They stay empty there: the build that fills them has another
-- projection version.

-- +goose statementbegin
do $$
declare
    ix text;
begin
    for ix in select nspname from pg_namespace where nspname ~ '^ix_' loop
        execute format($q$create table if not exists %1$I.casper_accounts (
            network       text not null,
            account_hash  text not null,
            public_key    text not null default '',
            first_ms      bigint not null,
            first_height  bigint,
            deploys       bigint not null default 0,
            transfers_in  bigint not null default 0,
            transfers_out bigint not null default 0,
            primary key (network, account_hash)
        )$q$, ix);
        execute format($q$create index if not exists casper_accounts_key on %1$I.casper_accounts (network, public_key) where public_key <> ''$q$, ix);
        execute format($q$create table if not exists %1$I.casper_messages (
            network      text not null,
            deploy_hash  text not null,
            idx          integer not null,
            entity       text not null,
            entity_name  text not null,
            topic        text not null,
            topic_hash   text not null,
            topic_index  numeric not null,
            block_index  numeric not null,
            text         text,
            bytes        bytea,
            block_hash   text not null,
            timestamp    text not null,
            timestamp_ms bigint not null,
            primary key (network, deploy_hash, idx)
        )$q$, ix);
        execute format($q$create index if not exists casper_messages_entity on %1$I.casper_messages (network, entity, topic, timestamp_ms desc, deploy_hash desc, idx desc)$q$, ix);
        execute format($q$create index if not exists casper_messages_topic on %1$I.casper_messages (network, topic, timestamp_ms desc, deploy_hash desc, idx desc)$q$, ix);
        execute format($q$create table if not exists %1$I.casper_signatures (
            network    text not null,
            block_hash text not null,
            n          bigint not null,
            primary key (network, block_hash)
        )$q$, ix);
        execute format('grant select on %I.casper_accounts to fondaco_reader', ix);
        execute format('grant select on %I.casper_messages to fondaco_reader', ix);
        execute format('grant select on %I.casper_signatures to fondaco_reader', ix);
    end loop;
end
$$;
-- +goose statementend
