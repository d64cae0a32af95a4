"""Names that a column cannot have: the door and the gate give them to columns of their own."""

# In any mart that the door makes: what a person, a class and a count are called.
ALWAYS = frozenset({"class_id", "subject_id", "n"})

# Where a row is a person, labels stand beside figures of the gate's attacks. A test asks for every name that they use.
BESIDE_LABELS = frozenset(
    ALWAYS
    | {
        "all_shown",
        "anew",
        "appearances",
        "base",
        "changed",
        "class",
        "code",
        "counted",
        "differing",
        "distinct_values",
    }
    | {"door_place", "ended", "entropy", "figure", "figures", "first", "fits", "fits_", "form", "has", "held"}
    | {"highest", "in_class", "in_other", "is_forgotten", "is_fresh", "is_nameless", "is_open", "is_own"}
    | {"is_standing", "it", "its", "kept", "known", "label", "labels", "many", "members", "moment", "most", "moved"}
    | {
        "moves",
        "name",
        "nearly",
        "now",
        "pairs",
        "people",
        "place",
        "places",
        "published",
        "raws",
        "same",
        "second",
        "share",
    }
    | {
        "second",
        "share",
        "shown",
        "since",
        "size",
        "small",
        "split",
        "stayed",
        "t",
        "tail",
        "text",
        "texts",
        "tied",
        "told",
    }
    | {"tonight", "top", "topped", "twice", "until", "value", "words"}
    | {"by_word", "came", "here", "is_counted", "is_tonight", "largest", "letters", "listed", "lost", "made"}
    | {"named", "nameless", "nobody", "numbers", "part", "plain", "read", "records", "total", "touched", "two"}
    | {"door_alike", "gone", "still", "word"}
)


def reserved_names(*, is_microdata: bool) -> frozenset[str]:
    """Return the names that no column of a mart of the door may have. is_microdata: whether a row is a person."""
    return BESIDE_LABELS if is_microdata else ALWAYS
