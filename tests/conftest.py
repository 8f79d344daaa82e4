"""What holds for every test."""

from hypothesis import settings

# A property is true or not, however busy the machine is; a failing example prints what it takes to run it again.
settings.register_profile("nearshelf", deadline=None, print_blob=True)
settings.load_profile("nearshelf")
