"""Fills the candle store from the exchange and from folders, and shows what is in it."""
