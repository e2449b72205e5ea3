"""Dashboards as code: one SQL file per card, shown by Metabase and by the console alike."""
