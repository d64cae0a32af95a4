"""Read the next page while the engine works on this one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from trustmart.sources.pages import Page


def read_ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield the same pages, each read in a second thread while the one before is in use (two are in memory).

    What reading raises is raised here, at the page it belongs to.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as reader:
        coming = reader.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = reader.submit(next, pages, None)
            yield page
