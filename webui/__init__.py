"""The dashboard: a process of its own that shows the engine's read model and hands a person's commands to it."""
