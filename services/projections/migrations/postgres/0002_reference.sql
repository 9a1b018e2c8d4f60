create schema reference;

create table reference.instruments (
    symbol       text           not null,
    valid_from   timestamptz    not null,
    type         text           not null check (type in ('equity', 'fund', 'crypto', 'forex', 'index', 'future', 'option')),
    name         text,
    currency     text           not null,
    multiplier   numeric(38,12) not null default 1 check (multiplier > 0),
    underlying   text,
    expiry       timestamptz,
    strike       numeric(38,12),
    option_right text           check (option_right in ('call', 'put')),
    primary key (symbol, valid_from),
    check (type not in ('future', 'option') or underlying is not null and expiry is not null),
    check (type <> 'option' or strike is not null and option_right is not null)
);

create table reference.corporate_actions (
    symbol       text           not null,
    effective    timestamptz    not null,
    type         text           not null check (type in ('split', 'dividend')),
    ratio        numeric(38,12) check (ratio > 0),
    amount       numeric(38,12) check (amount > 0),
    close_before numeric(38,12) check (close_before > amount),
    primary key (symbol, effective, type),
    check (type <> 'split' or ratio is not null and amount is null),
    check (type <> 'dividend' or amount is not null and ratio is null)
);

comment on table reference.instruments is 'What is traded, a row a version; each holds from valid_from until the next.';
comment on column reference.instruments.multiplier is 'units of the underlying that one contract stands for';
comment on table reference.corporate_actions is 'Splits and cash dividends, which candles are adjusted for when they are read.';
comment on column reference.corporate_actions.effective is 'first instant at which it is traded without the entitlement (the ex-date)';
comment on column reference.corporate_actions.ratio is 'of a split: new shares for one old one';
comment on column reference.corporate_actions.amount is 'of a dividend: cash a share';
comment on column reference.corporate_actions.close_before is 'of a dividend: the last price before it; null: that of the last candle of a day';
