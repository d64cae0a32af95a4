-- The few bookings whose free text names the account holder.
create or replace temp table memos as
with named as (
    select t, below(t, 'account holder', getvariable('customers')) as i
    from range(5 * getvariable('customers')) as bookings(t)
    where is_dirty(t, 'memo')
)
select t, 'transfer to ' || given_name || ' ' || surname || ' ' || coalesce(email, '') as memo
from named
join people using (i)
where version = 1
order by t;
