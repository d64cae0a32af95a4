"""The rules of the privacy types, as data: what each function leaves of the attributes that go into it.

A function that stands in no list passes on the most dangerous type of its arguments (Form.DERIVED), and a note says so.
Names are sqlglot's, in small letters; where sqlglot knows no such function, the name as it is written.
"""

from collections.abc import Mapping

from sqlglot import exp


def _names(words: str) -> frozenset[str]:
    """Return names that are written with blanks between them."""
    return frozenset(words.split())


# These leave a value what it was.
TRANSPARENT = _names(
    """cast trycast paren coalesce ifnull nvl trim lower upper ltrim rtrim initcap nullif alias collate ignorenulls
    respectnulls distinct ordered strip_accents nfc_normalize order unnest explode"""
)

# What a label is called that a comparison makes: of several values, or of one, or a few.
CASES, ONE_VALUE = "cases", "one value"

# To a sum of what these yield, everybody adds as much as to a sum of what goes into them, or less.
STEADY = _names(
    """add sub neg times div intdiv round floor ceil abs sign ln log log2 log10 sqrt cbrt cast length extract
    datediff date_diff timestampdiff date_sub datesub date_add dateadd age timetounix epoch julian attimezone
    year quarter month week day dayofmonth dayofweek dayofyear hour minute second isnull case if"""
)

# These hide a value and keep the person: anybody who can hash, encode or cut can undo or repeat it.
_DISGUISING: Mapping[str, str] = {
    "hash": "md5 md5digest sha sha1 sha2 sha2digest sha256 hash xxhash64 fnv1a murmurhash3 crc32",
    "encoding": "tobase64 to_base64 base64 frombase64 hex unhex to_hex encode decode bin to_binary",
    "mask": "reverse replace translate regexpreplace regexp_replace overlay mask",
    "concatenation": "concat concatws dpipe safeconcat arraytostring array_to_string",
    "part": "substring substr left right split splitpart split_part regexpextract chr ascii unicode",
    "token": "url_encode url_decode bitwisexor xor encrypt hmac",
}
DISGUISES: Mapping[str, str] = {name: word for word, names in _DISGUISING.items() for name in names.split()}

# Aggregates whose result is one person's value, or all of them: no class is large enough for these.
PICKING = _names(
    """min max anyvalue any_value first last firstvalue lastvalue nthvalue arg_min arg_max argmin argmax mode
    median quantile quantile_cont quantile_disc percentilecont percentiledisc approxquantile approx_quantile
    quantilecont quantiledisc withingroup arrayagg array_agg list arrayuniqueagg groupconcat string_agg
    stringagg listagg histogram approxtopk approx_top_k jsonarrayagg jsonobjectagg json_group_array
    json_group_object map_agg logicalor logicaland bool_or bool_and bitwiseoragg bitwiseandagg bitwisexoragg
    bit_xor arbitrary maxby minby max_by min_by mad entropy reservoir_quantile product min_by_n max_n
    arrayconcatagg objectagg"""
)

# Aggregates to which everybody in the class adds a little.
POOLING = _names(
    """sum avg stddev stddevpop stddevsamp variance variancepop varpop var_pop var_samp corr covarpop covarsamp
    covar_pop covar_samp regrslope regr_slope regrintercept regr_intercept regrr2 regr_r2 regrcount regr_count
    fsum favg kahan_sum sumif avgif geomean geometric_mean skewness kurtosis sumkahan"""
)

COUNTING = _names(
    """count countif count_if approxdistinct approx_count_distinct approxcountdistinct hll groupingid grouping"""
)

AGGREGATES = PICKING | POOLING | COUNTING

# Functions that make several rows of one.
MULTIPLYING = _names("generate_subscripts unnest regexp_split_to_table")

# Window functions that number rows; over rows of people such a number is a name for one of them.
NUMBERING = _names("rownumber row_number rank denserank dense_rank percentrank percent_rank cumedist cume_dist ntile")
# Window functions that show another row's value as it stands.
NEIGHBOURS = _names("""lag lead firstvalue lastvalue nthvalue first_value last_value nth_value first last""")

# From fine to coarse. A day or a week of a person is too fine to be a generalization, whatever the table.
CALENDAR = (
    "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade",
    "century", "millennium",
)  # fmt: skip
COARSE_CALENDAR = frozenset(CALENDAR[CALENDAR.index("month") :])
# Parts of a date that are coarser than a month by themselves; the month or the day of any year is a piece of the whole.
COARSE_PARTS = frozenset(CALENDAR[CALENDAR.index("year") :])
TRUNCATING = (exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc)

# What these yield is not in the order of what goes into them.
FOLDING = _names(
    "abs mod pow times least greatest sign bitwiseand bitwisexor dayofyear dayofmonth dayofweek day doy dow week"
)

# Of these, a value comes out wherever one goes in.
PLAIN = (
    STEADY
    | AGGREGATES
    | frozenset(CALENDAR)
    | frozenset(_DISGUISING) - {"part", "token"}
    | {"mod", "pow", "exp", "tuple", "record", "pooled", "picked", "counted", "least", "greatest", "looked up"}
)

# Functions of nothing that say nothing of anybody. Any other function of nothing could read anything.
HARMLESS = _names(
    """now today current_date currentdate currenttimestamp current_timestamp currenttime localtimestamp pi e random
    rand uuid gen_random_uuid version utctimestamp utcdate datefromparts make_date make_timestamp array map
    struct list_value greatest least concat interval range generate_series generateseries round floor ceil abs
    mod struct_pack"""
)

COMPARISONS = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between, exp.Like, exp.ILike, exp.SimilarTo,
    exp.RegexpLike, exp.RegexpILike, exp.NullSafeEQ, exp.NullSafeNEQ, exp.StartsWith, exp.Contains, exp.Glob, exp.Is,
    exp.Exists, exp.Not, exp.And, exp.Or,
)  # fmt: skip
# Comparisons that hold for many values; all others point at one.
RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NEQ, exp.NullSafeNEQ)

# An interval shorter than this, in a condition, is as good as a day.
SHORTEST_INTERVAL_DAYS = 28

# What the loader writes beside policy's attributes (src/trustmart/pipeline/intake.py), by name.
TECHNICAL: Mapping[str, str] = {
    "subject_id": "person_key",
    "email_normalized": "direct_identifier",
    "email_mailbox": "direct_identifier",
    "_row_digest": "direct_identifier",
    "_batch_id": "insensitive",
    "_ingested_as_of": "insensitive",
    "_line": "direct_identifier",
    "as_of": "insensitive",
    "policy_version": "insensitive",
    "request_id": "direct_identifier",
    "source": "insensitive",
}
# The pipeline's own tables that hold no people.
WITHOUT_PEOPLE = frozenset({"night"})

DOOR = "int_subjects__permitted"
DOOR_COLUMN = "use_case"

# Of whom scores are reckoned: its SQL yields a row per person, the door makes a row per label of it.
LABELLED = "int_subjects__labelled"
