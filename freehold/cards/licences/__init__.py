"""What licences permit, as a table, and what follows along a chain of repositories. Pure."""
