"""What may be published of a survey round: candidates, the auditor, rounding, the gate, and the release of all four.

Everything here is arithmetic on who was asked, who answered and what; nothing reads or writes a database.
"""
