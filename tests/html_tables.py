"""Reads the tables of HTML pages."""

from html.parser import HTMLParser

__all__ = ["Tables", "heading"]


class Tables(HTMLParser):
    """The tables of a page by their heading, each a list of rows of cells."""

    def __init__(self, text):
        super().__init__()
        self.found = {}
        self._heading = ""
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in ("h1", "h2"):
            self._heading = ""
        if tag in ("h1", "h2", "th", "td"):
            self._tag = tag
        if tag == "tr":
            self.found.setdefault(self._heading, []).append([])
        if tag in ("th", "td"):
            self.found[self._heading][-1].append("")

    def handle_data(self, data):
        if self._tag in ("h1", "h2"):
            self._heading += data
        elif self._tag:
            self.found[self._heading][-1][-1] += data

    def handle_endtag(self, tag):
        if tag == self._tag:
            self._tag = ""


def heading(text):
    """Return the text of a page's only `<h1>`."""

    class Heading(HTMLParser):
        found, inside = "", 0

        def handle_starttag(self, tag, attrs):
            self.inside += tag == "h1"

        def handle_data(self, data):
            self.found += data if self.inside % 2 else ""

        def handle_endtag(self, tag):
            self.inside += tag == "h1"

    parser = Heading()
    parser.feed(text)
    assert parser.inside == 2
    return parser.found
