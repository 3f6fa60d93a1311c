"""What people and programs read: tables, maps, words. Nothing here computes a score."""
