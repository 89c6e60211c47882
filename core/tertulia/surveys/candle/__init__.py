"""The candle in the wind: a request for care, under one's name, that reaches one person and nobody else."""
