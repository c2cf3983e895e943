"""Settings of Sphinx for the site. build.py runs it on a copy of the documents, in build/site-source."""

from pathlib import Path

project = "headcount"
copyright = "the authors of headcount, MIT OR Apache-2.0"
extensions = ["myst_parser", "sphinx_inline_tabs"]

# Furo uses the system's fonts: a page makes no request to another server.
html_theme = "furo"
html_title = "headcount"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

# GitHub's anchors of headings, so that the links of the documents work there and here.
myst_heading_anchors = 5
myst_enable_extensions = ["colon_fence", "fieldlist", "attrs_block"]
# A schema, a project of the code and other things that are no links to a web page.
myst_url_schemes = ["http", "https", "mailto"]
# Documents begin with a heading of the first level, but a generated page may go from the second to the fourth.
suppress_warnings = ["myst.header"]
# Punctuation stays as it is written: "--option" is no dash.
smartquotes = False
