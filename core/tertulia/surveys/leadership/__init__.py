"""Questions to the leadership: asked and voted on without a name, moderated with reasons, answered to everybody."""
