"""Each role's start page, put together from the parts below."""
