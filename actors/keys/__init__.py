"""API keys: what the exchange says of one, and the commands that keep them."""
