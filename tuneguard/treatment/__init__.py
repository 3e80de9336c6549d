"""Prescriptions tried one after another: what was changed, and whether it helped."""

from tuneguard.treatment.attempts import Attempt, Standing, Treatment, Trial
from tuneguard.treatment.course import Budget, Course

__all__ = ["Attempt", "Budget", "Course", "Standing", "Treatment", "Trial"]
