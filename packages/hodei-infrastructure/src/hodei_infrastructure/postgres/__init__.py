"""The one store: every port of the domain on Postgres, with psycopg and SQL that can be read."""
