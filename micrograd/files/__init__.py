"""Files: tables of CSV and Parquet, arrays, and files that are written whole or not at all."""
