# Shells of the site's cells read this first: a command that fails ends the cell, and so the build.
set -euo pipefail
# Jupyter asks for colours, and programs that find this draw their progress as on a terminal.
unset CLICOLOR CLICOLOR_FORCE FORCE_COLOR
