"""The item bank's traffic with other programs: GIFT, Moodle XML and tables, in as drafts for people to finish, out as files.

Every format is read into and written from the same plain questions (`question`); `outward` makes them of item bodies, `inward`
makes bodies of them. What a format cannot hold travels in a place of its own (`qz:`) or is named."""
