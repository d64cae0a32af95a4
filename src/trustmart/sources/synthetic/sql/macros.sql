-- Chance without a random number generator: the same row, question and seed always give the same answer.
-- Hashed twice, because DuckDB joins the hashes of several values so simply that two questions about the same row
-- would otherwise have related answers.
create or replace temp macro draw(i, question) as hash(hash(i::bigint, question, getvariable('seed')::bigint));
create or replace temp macro below(i, question, n) as (draw(i, question) % n::bigint::ubigint)::bigint;
create or replace temp macro share(i, question) as (draw(i, question) % 1000000 + 0.5) / 1000000;

-- Close to a standard normal, but never further out than 3.5: the sum of four sixteen-bit draws.
create or replace temp macro bell(i, question) as (
    (
        (draw(i, question) & 65535) + ((draw(i, question) >> 16) & 65535)
        + ((draw(i, question) >> 32) & 65535) + ((draw(i, question) >> 48) & 65535)
    ) / 65536.0 - 2
) * 1.732;

-- Positions from 0 to n - 1 of which the first are the most frequent.
create or replace temp macro skewed(i, question, n) as floor(n * pow(share(i, question), 1.4))::bigint;
create or replace temp macro drawn(list, i, question) as list[1 + below(i, question, len(list))];

create or replace temp macro is_dirty(i, fault) as
    (i + getvariable('faults')[fault]['first']) % getvariable('faults')[fault]['period'] = 0;

-- Which of a fault's forms the row shows, going round.
create or replace temp macro form(i, fault, forms) as
    ((i + getvariable('faults')[fault]['first']) // getvariable('faults')[fault]['period']) % forms;

create or replace temp macro as_of_seconds() as epoch(getvariable('as_of')::timestamp)::bigint;
create or replace temp macro clock(seconds) as strftime(make_timestamp(seconds * 1000000), '%Y-%m-%dT%H:%M:%S');
create or replace temp macro customer_id(i) as 'C' || (100000 + i);
create or replace temp macro yes_no(truth) as case when truth then 'yes' else 'no' end;

-- A walk through all customers that meets nobody twice, from a first one of its own.
create or replace temp macro nth_customer(n, walk) as
    (below(0, walk, getvariable('customers')) + n * getvariable('stride')) % getvariable('customers');

create or replace temp macro country_of(i) as drawn(getvariable('country_draw'), i, 'country');
create or replace temp macro language_of(i) as getvariable('country_language')[country_of(i)];
create or replace temp macro gender_of(i) as below(i, 'gender', 2);
create or replace temp macro job_of(i) as drawn(getvariable('job_draw'), i, 'job');
create or replace temp macro given_name_of(i) as
    1 + language_of(i) * 40 + gender_of(i) * 20 + skewed(i, 'given name', 20);
create or replace temp macro surname_of(i) as 1 + language_of(i) * 63 + skewed(i, 'surname', 63);

-- The prime keeps the numbers apart for up to ten million customers: only addresses meant to be shared are.
create or replace temp macro email_of(i) as
    getvariable('given_slug')[given_name_of(i)]
    || case when below(i, 'dot', 10) < 7 then '.' else '' end
    || getvariable('surname_slug')[surname_of(i)]
    || (i * 48271 + 7) % 9999991
    || '@' || drawn(getvariable('mail_domain_draw'), i, 'mail domain');
