"""The client's edge to Upbit: signatures, wire format, rate limits, REST and streams. Plain classes, no actors."""
