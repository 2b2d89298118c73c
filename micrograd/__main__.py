"""`python -m micrograd`, and the program `micrograd`: the command line."""

import sys


def main() -> None:
    """Runs the command line. Handles Ctrl-C during the imports as well."""
    try:
        from micrograd.interrupt import listen

        listen()
        from micrograd.cli import main
    except KeyboardInterrupt:
        print("micrograd: interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)
    main()


if __name__ == "__main__":
    main()
