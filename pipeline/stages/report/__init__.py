"""The report stage: reads the CSV files and pictures, writes `report/`."""
