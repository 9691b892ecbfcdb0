"""Plain rules of records: the export's columns and the filter of its list."""
