"""``python -m pyrometer``."""

from pyrometer.cli import main

if __name__ == "__main__":
    main(prog_name="pyrometer")
