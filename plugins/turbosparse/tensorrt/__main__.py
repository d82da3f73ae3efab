"""`python -m turbosparse.tensorrt`: see `options.py` or `--help`."""

import sys

from turbosparse.tensorrt.command import main

if __name__ == "__main__":
    sys.exit(main())
