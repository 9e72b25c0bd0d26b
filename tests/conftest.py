"""What every test shares: money is exact here as it is in the program, and no example is timed."""

from hypothesis import settings

from domain.money import strict_decimals

strict_decimals()
settings.register_profile("baeu", deadline=None)
settings.load_profile("baeu")
