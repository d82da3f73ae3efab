"""What `turbosparse.families` calls it."""

from turbosparse.families import Family

__all__ = ["Family"]
