create table candle_revisions (
    symbol          text           not null,
    resolution      text           not null,
    window_start    timestamptz    not null,
    window_end      timestamptz    not null,
    open            numeric(38,12),
    high            numeric(38,12),
    low             numeric(38,12),
    close           numeric(38,12),
    volume          numeric(38,12) not null,
    vwap            numeric(38,12),
    notional        numeric(38,24),
    trade_count     bigint         not null,
    duplicate_count bigint         not null,
    first_ts_event  bigint,
    last_ts_event   bigint,
    complete        boolean        not null,
    revision        integer        not null,
    revision_reason text
) partition by range (window_start);

create unique index on candle_revisions (symbol, resolution, window_start, revision desc);

create view candles as
select distinct on (symbol, resolution, window_start) *
from candle_revisions
order by symbol, resolution, window_start, revision desc;

comment on table candle_revisions is
    'Every committed candle, a row a revision; rows are only added. A projection of md.candles.*.v1, which is the truth.';
comment on view candles is
    'Of every window the highest revision.';
comment on column candle_revisions.first_ts_event is 'nanoseconds since the Unix epoch, UTC';
comment on column candle_revisions.last_ts_event is 'nanoseconds since the Unix epoch, UTC';
