"""The ground storey: database, clock, people, audit, content and web habits. It knows nothing about learning."""
