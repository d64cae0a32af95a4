"""The night's report: one page for everybody, one screen for the person at the terminal; counts only."""

from trustmart.report.page import render_page, write_page
from trustmart.report.terminal import print_summary, summary

__all__ = ["print_summary", "render_page", "summary", "write_page"]
