"""Goals: what was measured against what it must be."""


class Goals:
    def __init__(self):
        self._goals = []

    def at_most(self, name, measured, bound, unit=""):
        self._goals.append({"name": name, "measured": measured, "must": "<=", "bound": bound, "unit": unit,
                            "met": measured <= bound})

    def at_least(self, name, measured, bound, unit=""):
        self._goals.append({"name": name, "measured": measured, "must": ">=", "bound": bound, "unit": unit,
                            "met": measured >= bound})

    def lines(self):
        return [f"goal {g['name']}: {g['measured']:.4g}{g['unit']} (must be {g['must']} {g['bound']:g}{g['unit']}): "
                f"{'met' if g['met'] else 'short'}" for g in self._goals]

    def as_json(self):
        return self._goals

    def met(self):
        return all(goal["met"] for goal in self._goals)
