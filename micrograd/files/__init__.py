"""Files: tables in CSV and Parquet, arrays, and atomic writes."""
