from airflow_story import books, story

__all__ = ["books", "story"]
