"""`python -m golmu`: the command line, where the console command is not on the path."""

from golmu.cli.main import main

if __name__ == "__main__":
    main()
