"""WEIGH: carry findings downstream to people and upstream to whoever can mend them (assess.py)."""
