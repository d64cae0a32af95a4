"""Open cubes: figures of cells in which nobody stands out, in SQL."""

from trustmart.anonymizing.cubes.making import make_cube

__all__ = ["make_cube"]
