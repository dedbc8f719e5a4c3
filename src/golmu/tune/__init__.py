"""A search for better settings: many short trainings, each with other settings, of which Optuna chooses the next.

`space` says which settings are tried, `record` what a search is (search.json), `storage` where its trials are kept and
how the processes that share them see each other, `search` runs them, and `results` is what they came to.
"""
