"""Optimal full-domain generalization: which level of each column loses least and keeps everybody safe."""

from trustmart.anonymity.search.histograms import count_equal
from trustmart.anonymity.search.judging import SensitiveColumn
from trustmart.anonymity.search.node import BaseTable
from trustmart.anonymity.search.optimal import Fit, fit

__all__ = ["BaseTable", "Fit", "SensitiveColumn", "count_equal", "fit"]
