-- +goose Up
-- Chain indexes that are there get the sums of their counts. The triggers come
-- first: making them waits for whoever writes, and what counts holds then is
-- what the sums begin with.

-- +goose statementbegin
do $migration$
declare
    ix text;
begin
    for ix in select nspname from pg_namespace where nspname ~ '^ix_' loop
        execute format('create table %I.sums (
            network text not null,
            kind    text not null,
            width   bigint not null,
            bucket  bigint not null,
            n       bigint not null,
            primary key (network, kind, width, bucket)
        )', ix);
        execute format($q$create function %1$I.sum_counts() returns trigger language plpgsql set search_path = %1$I as $function$
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
$function$$q$, ix);
        execute format('create trigger counts_insert after insert on %1$I.counts referencing new table as came
            for each statement execute function %1$I.sum_counts()', ix);
        execute format('create trigger counts_update after update on %1$I.counts referencing old table as went new table as came
            for each statement execute function %1$I.sum_counts()', ix);
        execute format('create trigger counts_delete after delete on %1$I.counts referencing old table as went
            for each statement execute function %1$I.sum_counts()', ix);
        execute format('insert into %1$I.sums (network, kind, width, bucket, n)
            select network, kind, width, bucket / width, sum(n) from %1$I.counts, (values (32), (1024)) as widths (width)
            where scope = '''' group by 1, 2, 3, 4', ix);
        execute format('grant select on %I.sums to fondaco_reader', ix);
    end loop;
end
$migration$;
-- +goose statementend
