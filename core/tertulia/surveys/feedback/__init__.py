"""Anonymous two-way feedback: a message without a sender, whose receipt its author alone holds."""
