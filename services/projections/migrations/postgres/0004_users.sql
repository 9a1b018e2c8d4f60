-- schemas/users.toml says of every column whether it is personal. No key is: it outlives its row, on the topics.
create schema users;

create table users.accounts (
    id    uuid primary key default gen_random_uuid(),
    name  text not null check (length(name) <= 200),
    email text not null unique check (length(email) <= 320)
);

create table users.watch_lists (
    id      uuid   primary key default gen_random_uuid(),
    account uuid   not null references users.accounts on delete cascade,
    name    text   not null check (length(name) <= 200),
    symbols text[] not null check (octet_length(symbols::text) <= 100000),
    unique (account, name)
);

create table users.strategies (
    id         uuid  primary key default gen_random_uuid(),
    account    uuid  not null references users.accounts on delete cascade,
    name       text  not null check (length(name) <= 200),
    parameters jsonb not null default '{}' check (octet_length(parameters::text) <= 100000),
    unique (account, name)
);

comment on table users.accounts is 'Who works with the suite. To delete one deletes everything that is theirs.';
comment on table users.watch_lists is 'The symbols that somebody watches.';
comment on table users.strategies is 'What somebody trades by.';

alter table users.accounts replica identity full;
alter table users.watch_lists replica identity full;
alter table users.strategies replica identity full;

create function users.keep_deletions() returns trigger language plpgsql as $$
begin
    raise exception 'rows that are truncated would stay on the topics: delete them';
end $$;
create trigger keep_deletions before truncate on users.accounts execute function users.keep_deletions();
create trigger keep_deletions before truncate on users.watch_lists execute function users.keep_deletions();
create trigger keep_deletions before truncate on users.strategies execute function users.keep_deletions();

alter publication tickloom_reference add table users.accounts, users.watch_lists, users.strategies;
