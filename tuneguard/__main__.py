"""`python -m tuneguard`."""

from tuneguard.cli import main

if __name__ == "__main__":
    main()
