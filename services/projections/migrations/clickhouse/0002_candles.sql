create view if not exists candles as
select * from candle_revisions final
comment 'Of every window the highest committed revision. A projection of the topics md.candles.*.v1, which are the truth.'
