"""The fastcolor command, and python -m fastcolor."""

from fastcolor import _interrupt


def main() -> None:
    """Ends the process."""
    _interrupt.end_at_once()
    from fastcolor import cli

    cli.main()


if __name__ == "__main__":
    main()
