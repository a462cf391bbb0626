"""Anomaly models over claims: features of persons, doctors, departments and hospitals, detectors, calibration, explanation."""
