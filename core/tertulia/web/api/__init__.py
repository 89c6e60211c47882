"""The JSON API under `/api/v1`: what the console shows and does, for programs that show a token."""
