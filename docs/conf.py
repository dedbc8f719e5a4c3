"""Settings of the site, for both languages: docs/build.py builds docs/en and docs/ko with them."""

import sys
from pathlib import Path

from golmu.about import VERSION

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "extensions"))

language = "ko" if tags.has("ko") else "en"  # noqa: F821  Sphinx puts `tags` here

project = "골무" if language == "ko" else "Golmu"
author = "The Golmu developers"
version = release = VERSION

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "docstrings",
    "language_switch",
    "mathml",
    "repository_links",
    "running_cells",
    "shared_cells",
    "shell_cells",
]
templates_path = ["templates"]
locale_dirs = [str(DOCS / "locale")]

# Every cell runs when the site is built, each page in an empty folder of its own. Both languages have the same cells,
# so the second one finds the results of the first in the cache, which docs/build.py begins empty.
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_raise_on_error = True  # extensions/running_cells.py says which cell, and why
nb_execution_timeout = 180
nb_merge_streams = True
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

smartquotes = False  # messages and options are found as they are typed

html_theme = "furo"
html_title = project
html_theme_options = {"top_of_page_buttons": ["edit"]}  # the place of the switch between languages: templates/
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["korean.js"] if language == "ko" else []
html_math_renderer = "mathml"  # MathJax would come from elsewhere
html_show_sourcelink = False
html_show_search_summary = False  # which a browser cannot fetch from a disk
html_copy_source = False
html_show_copyright = False
copybutton_exclude = ".linenos, .gp, .go"

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autoclass_content = "class"
python_use_unqualified_type_names = True
add_module_names = False
napoleon_google_docstring = False
napoleon_preprocess_types = False
