"""The chain of migrations: linear, forward only; the way back is a backup."""
