"""A Teams on this machine, over real HTTP: for the sandbox, for tests and for benchmarks."""
