"""Diagnoses in the forms that pipelines read: SARIF, JUnit and GitHub's workflow commands."""

from tuneguard.reports.pipelines.judged import Judged

__all__ = ["Judged"]
