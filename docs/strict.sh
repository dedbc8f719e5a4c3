# Shells of the site's cells read this first: a command that fails ends the cell, and so the build.
set -euo pipefail
# The kernel asks for colours, in which help would be printed.
unset FORCE_COLOR CLICOLOR
