"""A page as a reader finds it: its words, tables and addresses."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Text of every element, tables, and all addresses that a page names."""

    def __init__(self, text):
        super().__init__()
        self.words, self.tables, self.links, self.pre, self._open, self.tags = [], [], [], [], [], set()
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self._open.append(tag)
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href") and value]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if {"style", "script"} & set(self._open):
            return
        self.words.append(data)
        if "pre" in self._open:
            self.pre.append(data)
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data.strip()
