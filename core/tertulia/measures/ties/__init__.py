"""Ties between people: weekly edges, the network of a window, and its measures; pure functions of arrays.

People are places in a list that the caller keeps, so that nothing here knows who anybody is.
"""
