"""Measures: figures about groups of people, from participation, ties and employment, and what follows from them.

Everything here is arithmetic; nothing reads or writes a database, and nothing returns a figure about one person.
"""
