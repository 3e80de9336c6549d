"""How often a prescription repairs what was found: faulty trainings, trained again."""
