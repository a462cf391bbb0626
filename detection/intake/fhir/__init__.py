"""FHIR R4 as a second door of the intake: bundles and NDJSON to the rows of institutions, claims and lines."""
