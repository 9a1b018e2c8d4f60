create table if not exists candle_revisions (
    symbol          LowCardinality(String),
    resolution      LowCardinality(String),
    window_start    DateTime64(9, 'UTC') codec(Delta, ZSTD),
    window_end      DateTime64(9, 'UTC') codec(Delta, ZSTD),
    open            Nullable(Decimal(38, 12)),
    high            Nullable(Decimal(38, 12)),
    low             Nullable(Decimal(38, 12)),
    close           Nullable(Decimal(38, 12)),
    volume          Decimal(38, 12),
    vwap            Nullable(Decimal(38, 12)),
    notional        Nullable(Decimal(76, 24)) comment 'has 38 digits; the others are for sums',
    trade_count     Int64,
    duplicate_count Int64,
    first_ts_event  Nullable(DateTime64(9, 'UTC')),
    last_ts_event   Nullable(DateTime64(9, 'UTC')),
    complete        Bool,
    revision        UInt32,
    revision_reason LowCardinality(Nullable(String))
)
engine = ReplacingMergeTree(revision)
partition by toYYYYMM(window_start)
order by (symbol, resolution, window_start)
settings fsync_after_insert = 1, fsync_part_directory = 1
comment 'What candles is made of. It may still hold revisions that are not the highest of their window: query candles.'
