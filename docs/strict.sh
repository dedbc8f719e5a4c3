# Shells of the site's cells read this first: a command that fails ends the cell, and so the build.
set -euo pipefail
# The kernel says that its output is a coloured terminal, where progress would be drawn over and over.
unset FORCE_COLOR CLICOLOR
