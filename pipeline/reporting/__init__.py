"""What the report stage is made of: tables, plots, pictures, the page."""
