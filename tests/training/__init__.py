"""Commands that train the small models Sohoa ships; nothing here runs in production."""
