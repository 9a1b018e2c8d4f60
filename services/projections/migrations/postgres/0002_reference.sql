create schema reference;

-- Event time in Flink has milliseconds, our nanoseconds have 64 bits, and a decimal is a number.
create table reference.instruments (
    symbol       text           not null,
    valid_from   timestamptz(3) not null check (valid_from between '1678-01-01Z' and '2262-01-01Z'),
    type         text           not null check (type in ('equity', 'fund', 'crypto', 'forex', 'index', 'future', 'option')),
    name         text,
    currency     text           not null,
    multiplier   numeric(38,12) not null default 1 check (multiplier > 0 and multiplier <> 'NaN'),
    underlying   text,
    expiry       timestamptz(3) check (expiry between '1678-01-01Z' and '2262-01-01Z'),
    strike       numeric(38,12) check (strike <> 'NaN'),
    option_right text           check (option_right in ('call', 'put')),
    primary key (symbol, valid_from),
    check (type not in ('future', 'option') or underlying is not null and expiry is not null),
    check (type <> 'option' or strike is not null and option_right is not null)
);

create table reference.corporate_actions (
    symbol       text           not null,
    effective    timestamptz    not null,
    type         text           not null check (type in ('split', 'dividend')),
    ratio        numeric(38,12) check (ratio > 0 and ratio <> 'NaN'),
    per          numeric(38,12) not null default 1 check (per > 0 and per <> 'NaN'),
    amount       numeric(38,12) check (amount > 0 and amount <> 'NaN'),
    close_before numeric(38,12) check (close_before > amount and close_before <> 'NaN'),
    primary key (symbol, effective, type),
    check (type <> 'split' or ratio is not null and amount is null),
    check (type = 'split' or per = 1),
    check (type <> 'dividend' or amount is not null and ratio is null)
);

comment on table reference.instruments is 'What is traded, a row a version; each holds from valid_from until the next.';
comment on column reference.instruments.multiplier is 'units of the underlying that one contract stands for';
comment on table reference.corporate_actions is 'Splits and cash dividends, which candles are adjusted for when they are read.';
comment on column reference.corporate_actions.effective is 'first instant at which it is traded without the entitlement (the ex-date)';
comment on column reference.corporate_actions.ratio is 'of a split: new shares for so many old ones (per)';
comment on column reference.corporate_actions.per is 'of a split: old shares; a reverse split of 1 for 15 has ratio 1 per 15, which no decimal can say';
comment on column reference.corporate_actions.amount is 'of a dividend: cash for a share of those before it';
comment on column reference.corporate_actions.close_before is 'of a dividend: the last price before it; null: that of the last candle of a day';
