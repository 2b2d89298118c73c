"""`python -m micrograd`: the command line."""

from micrograd.cli import main

if __name__ == "__main__":
    main()
