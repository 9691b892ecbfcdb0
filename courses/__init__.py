"""What is taught, to whom and when: programmes as versioned content, cohorts, enrolments, what has been completed."""
