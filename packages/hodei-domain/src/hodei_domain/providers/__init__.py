"""Providers: the infrastructures that make workers, and what a plugin for one must do."""
