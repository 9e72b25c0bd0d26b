"""A local exchange that speaks Upbit's REST and WebSocket protocol, for rehearsals without keys, money or network."""
