"""`python -m vaekit`."""

from vaekit.cli.main import main

if __name__ == "__main__":
    main()
