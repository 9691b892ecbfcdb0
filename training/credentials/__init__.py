"""Certificates: issue, verify, revoke."""
