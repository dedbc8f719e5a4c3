"""What each command takes; `golmu.cli.commands` does what it is told, and is imported when the command runs."""
