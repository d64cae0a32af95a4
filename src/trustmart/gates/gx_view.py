"""How Great Expectations draws its pages: as it does, but its templates are compiled once in a process.

Each page's view has an environment of its own, which would compile all of them again.
"""

from typing import Any

from great_expectations.render.view import DefaultJinjaPageView
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket


class _Compiled(BytecodeCache):
    """Compiled templates, in this process's memory."""

    def __init__(self) -> None:
        """Nothing was compiled yet."""
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill a bucket with what was compiled before."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled now."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class PageView(DefaultJinjaPageView):
    """A page, drawn with templates that are compiled once."""

    def __init__(self, **options: Any) -> None:
        """Take the options that a site gives its views."""
        super().__init__(**options)
        self.env.bytecode_cache = _COMPILED
