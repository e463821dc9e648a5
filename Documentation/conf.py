# SPDX-License-Identifier: GPL-2.0-only
# For Sphinx: sphinx-build -b html Documentation build/html
project = "L7FP"
root_doc = "index"
exclude_patterns = ["man", "netlink/specs"]
html_theme = "alabaster"
