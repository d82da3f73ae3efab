"""`python -m turbosparse.profile`: the same as `python -m turbosparse profile`."""

import sys

from turbosparse.profile.command import main

if __name__ == "__main__":
    sys.exit(main())
