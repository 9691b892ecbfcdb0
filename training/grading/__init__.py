"""People rate live role-plays and case analyses: performances, ratings, moderation."""
