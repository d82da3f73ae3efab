"""A profile as one HTML page, in the style of `turbosparse-plugin report`."""

from turbosparse.profile.page.page import profile_page

__all__ = ["profile_page"]
