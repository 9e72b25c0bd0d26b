"""Looks at everything a session needs, and says of each whether it is well and what to do if it is not."""
