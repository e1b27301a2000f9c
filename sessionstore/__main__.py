"""`python -m sessionstore` is the command line, as `sessionstore` is."""

from sessionstore.cli import main

if __name__ == "__main__":  # the app servers of `replay` import this file under another name
    main()
