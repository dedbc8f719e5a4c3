"""The Korean site speaks Korean around its pages too: in menus, buttons, and what a screen reader says."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"

NAMES = {"English", "Sphinx", "Furo", "pradyunsg"}
"""What stays English on a Korean page: the switch, and who made the tools."""

PAGES = {
    "index.md": "# 첫 글\n\n```{toctree}\na\nb\n```\n",
    "a.md": "# 가운데 글\n\n## 한 절\n\n글\n\n```{toctree}\nc\n```\n",
    "b.md": "# 끝 글\n\n글\n",
    "c.md": """---
file_format: mystnb
kernelspec:
  name: python3
mystnb:
  code_prompt_show: 출력 보기
  code_prompt_hide: 출력 숨기기
---

# 아래 글

```{code-cell} ipython3
:tags: [hide-input]
1
```
""",
}


class Words(HTMLParser):
    """Everything that a page says, or that a browser reads out of it."""

    def __init__(self, text):
        super().__init__()
        self.said = []
        self._silent = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._silent = tag in ("script", "style")
        named = dict(attributes)
        self.said += [named[name] for name in ("title", "aria-label", "placeholder", "alt") if named.get(name)]

    def handle_endtag(self, tag):
        self._silent = False

    def handle_data(self, data):
        if data.strip() and not self._silent:
            self.said.append(data.strip())


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("myst_nb")
    pytest.importorskip("furo")
    source, built = tmp_path_factory.mktemp("ko"), tmp_path_factory.mktemp("site")
    for name, text in PAGES.items():
        (source / name).write_text(text, encoding="utf-8")
    settings = ["-t", "ko", "-D", "nb_execution_mode=off"]
    folders = ["-c", DOCS, "-d", built / ".doctrees", source, built / "ko"]
    subprocess.run([sys.executable, "-m", "sphinx", "-q", *settings, *folders], check=True, timeout=120)
    return built / "ko"


@pytest.mark.parametrize("page", ["index.html", "a.html", "b.html", "c.html", "search.html", "genindex.html"])
def test_no_english_word_of_the_theme_is_left_on_a_korean_page(site, page):
    said = Words((site / page).read_text(encoding="utf-8")).said
    english = [words for words in said if set(re.findall(r"[A-Za-z]{2,}", words)) - NAMES]
    assert english == []


def test_the_words_of_a_search_are_korean(site):
    said = (site / "_static" / "translations.js").read_text(encoding="utf-8")
    messages = json.loads(re.search(r"\{.*\}", said, re.DOTALL).group())["messages"]
    script = (site / "_static" / "searchtools.js").read_text(encoding="utf-8")
    script += (site / "_static" / "sphinx_highlight.js").read_text(encoding="utf-8")
    asked = re.findall(r"(?:\b_|gettext)\(\s*\"([^\"]+)\"", script)
    assert len(asked) > 4
    for words in asked:
        assert re.search("[가-힣]", "".join(messages[words])), words


def test_the_buttons_that_copy_are_korean(site):
    page = (site / "a.html").read_text(encoding="utf-8")
    assert page.index("_static/copybutton.js") < page.index("_static/korean.js")
    script = (site / "_static" / "copybutton.js").read_text(encoding="utf-8")
    english = set(re.findall(r"'(\w+)': '", script[: script.index("'es'")]))
    ours = (DOCS / "static" / "korean.js").read_text(encoding="utf-8")
    assert english == set(re.findall(r"^  (\w+): \"[^\"]*[가-힣]", ours, re.MULTILINE))
