"""Benchmarks: they print what the README claims, with n and the command. Never run as tests."""
