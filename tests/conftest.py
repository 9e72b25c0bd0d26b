"""What every test shares: money is exact here as it is in the program."""

from domain.money import strict_decimals

strict_decimals()
