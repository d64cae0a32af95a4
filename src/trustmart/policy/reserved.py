"""Names that a column cannot have: the door and the gate give them to columns of their own."""

# In any mart that the door makes: what a person, a class and a count are called.
ALWAYS = frozenset({"class_id", "subject_id", "n"})

# Where a row is a person, labels stand beside figures of the gate's attacks. A test asks for every name that they use.
_OURS = """
    alike all_shown anew appearances base by_word came changed class class_key classes code counted different
    differing distinct_values door_alike door_place ended entropy every_text expected figure figures finer first
    fits fits_ form forms gone has held here hidden highest in_class in_other is_counted is_forgotten is_fresh
    is_nameless is_open is_own is_standing is_tonight it its kept known known_texts label labels largest letters
    lines listed lost made many members missing moment most moved moves name named nameless nearly nobody now
    numbered numbers pairs part people person_key place places plain published raws read readings records same
    second share shared shown shown_rows since size small split stayed still t tail text texts there tied told
    tonight top topped total touched twice two until value value_ word words
"""
BESIDE_LABELS = ALWAYS | frozenset(_OURS.split())


def reserved_names(*, is_microdata: bool) -> frozenset[str]:
    """Return the names that no column of a mart of the door may have. is_microdata: whether a row is a person."""
    return BESIDE_LABELS if is_microdata else ALWAYS
