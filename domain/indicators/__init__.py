"""Indicators as compiled kernels: `kernels` steps one bar, `batch` loops the same steps over history."""
