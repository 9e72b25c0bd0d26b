"""Everything that runs by itself or touches the world: the runtime, the core actors, the edges."""
