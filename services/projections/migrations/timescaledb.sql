-- Makes candle_revisions a hypertable, with what is in it, its indexes, comments, grants and view.
-- PostgreSQL cannot turn a partitioned table into another kind, so a new one takes its place. While a view of somebody's
-- own is on it, that fails and all stays. Every TimescaleDB since 2.13 knows the names used here.

set local statement_timeout = 0;  -- it takes as long as there are candles
lock table candles in access exclusive mode;  -- the view and what is below it, in the order of who reads it

do $$
declare
    query  text   := pg_get_viewdef('candles'::regclass);
    remark text   := obj_description('candle_revisions'::regclass);
    grants text[] := array(
        select format('grant %s on candle_revisions to %s', privilege_type,
            case grantee when 0 then 'public' else grantee::regrole::text end)
            || case when is_grantable then ' with grant option' else '' end
        from pg_class, aclexplode(relacl)
        where oid = 'candle_revisions'::regclass
    );
    statement text;
begin
    alter table candle_revisions rename to candle_months;
    create table candle_revisions (like candle_months including all);
    -- 30 days are its month. No index by time alone: who asks names the symbol and the resolution.
    perform create_hypertable(
        'candle_revisions', by_range('window_start', interval '30 days'), create_default_indexes => false
    );
    insert into candle_revisions select * from candle_months;

    execute format('comment on table candle_revisions is %L', remark);
    foreach statement in array grants loop
        execute statement;
    end loop;
    execute 'create or replace view candles as ' || query;
    drop table candle_months;

    if current_setting('timescaledb.license') = 'timescale' then  -- its Apache edition does not compress
        alter table candle_revisions set (
            timescaledb.compress,
            timescaledb.compress_segmentby = 'symbol, resolution',
            timescaledb.compress_orderby = 'window_start desc, revision desc'
        );
        -- What is revised comes within a month, but for repairs: until then a revision finds its window as a row.
        perform add_compression_policy('candle_revisions', interval '31 days');
    end if;
end $$;
