"""Values that a spreadsheet opens as text, whatever they begin with."""

# A spreadsheet would run these as formulas (OWASP, "CSV Injection"), the wide ones of East Asian keyboards too.
_FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def harmless(value: str) -> str:
    """Keep a value from being run as a formula; blanks before it do not keep a spreadsheet from running it."""
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA_STARTS) else value
