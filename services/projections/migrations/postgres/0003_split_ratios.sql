alter table reference.corporate_actions
    add column per numeric(38,12) not null default 1 check (per > 0),
    add check (type = 'split' or per = 1);

comment on column reference.corporate_actions.ratio is 'of a split: new shares for so many old ones (per)';
comment on column reference.corporate_actions.per is 'of a split: old shares; a reverse split of 1 for 15 has ratio 1 per 15, which no decimal can say';
comment on column reference.corporate_actions.amount is 'of a dividend: cash for a share of those before it';
