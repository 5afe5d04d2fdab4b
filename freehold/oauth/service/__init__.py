"""What programs and people do with grants, one file for each family of verbs."""
