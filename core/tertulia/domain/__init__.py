"""Pure values and rules of a cohesion program; imports the standard library only."""
