-- What capturing changes needs: whole rows before a change, a list of tables, a heartbeat.

create table reference.heartbeat (
    id boolean     primary key default true check (id),
    at timestamptz not null
);
insert into reference.heartbeat (at) values (now());
comment on table reference.heartbeat is
    'One row, updated while changes are captured: what was committed before an update has been captured before it.';

alter table reference.instruments replica identity full;
alter table reference.corporate_actions replica identity full;
alter table reference.heartbeat replica identity full;

-- A job forgets the version before one that is in force: what it knows stays what is here, if none gives way to it.
create function reference.keep_versions() returns trigger language plpgsql as $$
begin
    if exists (
        select from gone join reference.instruments as earlier using (symbol)
        where earlier.valid_from < gone.valid_from
    ) then
        raise exception 'an instrument''s version is not taken back while an earlier one is there: correct it instead';
    end if;
    return null;
end $$;
create trigger keep_versions
    after delete on reference.instruments
    referencing old table as gone
    for each statement execute function reference.keep_versions();

create function reference.keep_key() returns trigger language plpgsql as $$
begin
    raise exception 'an instrument''s version keeps its symbol and valid_from: enter another';
end $$;
create trigger keep_key
    before update on reference.instruments
    for each row when ((old.symbol, old.valid_from) is distinct from (new.symbol, new.valid_from))
    execute function reference.keep_key();

create publication tickloom_reference
    for table reference.instruments, reference.corporate_actions, reference.heartbeat;
