"""The one exception for things an artist can mend: its text is a sentence and a next step."""


class SceneProblem(Exception):
    """Why this scene cannot be rendered as asked."""
