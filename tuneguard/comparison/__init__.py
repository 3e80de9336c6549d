"""Did a change help: runs before and after it, compared with their noise in view."""

from tuneguard.comparison.comparing import compare
from tuneguard.comparison.result import Change, Comparison, Cost, Criteria, Effect, RuleCount

__all__ = ["Change", "Comparison", "Cost", "Criteria", "Effect", "RuleCount", "compare"]
