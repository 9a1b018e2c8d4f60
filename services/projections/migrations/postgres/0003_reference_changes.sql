-- What capturing changes needs: rows that Flink can read, whole rows before a change, a list of tables, a heartbeat.

-- Event time in Flink has milliseconds, our nanoseconds have 64 bits, and a decimal is a number.
alter table reference.instruments
    alter column valid_from type timestamptz(3),
    alter column expiry type timestamptz(3),
    add check (valid_from between '1678-01-01Z' and '2262-01-01Z'),
    add check (expiry between '1678-01-01Z' and '2262-01-01Z'),
    add check (multiplier <> 'NaN' and strike <> 'NaN');

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

create publication tickloom_reference
    for table reference.instruments, reference.corporate_actions, reference.heartbeat;
