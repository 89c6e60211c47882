"""Sign in with Microsoft Entra ID: what is asked of it, what is believed of it, and whom it means here."""
