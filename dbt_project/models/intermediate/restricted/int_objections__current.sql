-- One row per person and purpose that they object to. A scope that no purpose knows is an objection to all of them.
with scopes as (
    {{ policy_objection_scopes() }}
),
purposes as (
    {{ policy_purposes() }}
),
objections as (
    select objections.*
    from {{ ref('stg_crm__objections') }} as objections
    cross join {{ ref('stg_trustmart__night') }} as night
    where objections.effective_at <= night.as_of
),
known as (
    select objections.subject_id, scopes.purpose
    from objections
    inner join scopes on objections.scope = scopes.scope
),
unknown as (
    select objections.subject_id, purposes.purpose
    from objections
    cross join purposes
    where coalesce(objections.scope, '') not in (select scope from scopes)
)
select subject_id, purpose from known
union
select subject_id, purpose from unknown
